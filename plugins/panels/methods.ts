import { Type } from '@sinclair/typebox'
import { NoParams } from '../../rpc/schemas/simple.ts'
import { defineMethod } from '../define.ts'

export const list = defineMethod({
  name: 'panels.list',
  summary: 'List the pages that plugins add to the dashboard, as far as the scopes of the caller allow (extension)',
  extension: true,
  scope: 'any',
  params: NoParams,
  result: Type.Object({
    panels: Type.Array(
      Type.Object({
        id: Type.String({ description: 'Part of its address: `#/panel/<id>`' }),
        title: Type.String({ description: 'Name in the navigation' }),
        module: Type.String({ description: 'JavaScript module that shows it, as a path below the gateway' }),
        scope: Type.String({ description: 'Scope that it needs' })
      })
    )
  }),
  examples: [
    { params: {}, result: { panels: [{ id: 'weather', title: 'Weather', module: 'weather/panel.js', scope: 'read' }] } }
  ],
  handler: (_params, { app, caller }) => ({
    panels: app.panels.list(caller).map(({ id, title, module, scope }) => ({ id, title, module, scope }))
  })
})
