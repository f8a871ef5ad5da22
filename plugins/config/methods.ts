import { NoParams } from '../../rpc/schemas/simple.ts'
import { defineMethod } from '../define.ts'
import { Reloaded, Shown } from './method-schemas.ts'

export const get = defineMethod({
  name: 'config.get',
  summary: 'Show the configuration in force without its secrets',
  scope: 'admin',
  params: NoParams,
  result: Shown,
  examples: [{ params: {}, result: { models: { default: { anthropic: { apiKey: '***' } } } } }],
  handler: (_params, { app }) => app.configStore.shown()
})

export const reload = defineMethod({
  name: 'config.reload',
  summary: 'Read the configuration again and put it in force',
  scope: 'admin',
  params: NoParams,
  result: Reloaded,
  examples: [{ params: {}, result: { success: true } }],
  async handler(_params, { app, caller }) {
    const { changed, restartRequired } = await app.configStore.reload(caller.id)
    return { success: true, changed: [...changed], restartRequired: [...restartRequired] }
  }
})
