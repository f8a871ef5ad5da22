import { Type } from '@sinclair/typebox'
import { NoParams } from '../../rpc/schemas/simple.ts'
import { defineMethod } from '../define.ts'

export const list = defineMethod({
  name: 'mcp.list',
  summary: 'List the MCP servers with their condition. Starts none of them (extension)',
  extension: true,
  scope: 'operate',
  params: NoParams,
  result: Type.Object({
    servers: Type.Array(
      Type.Object({
        name: Type.String({ description: 'Key in `tools.mcp`, and first part of the names of its tools' }),
        state: Type.Union([Type.Literal('idle'), Type.Literal('starting'), Type.Literal('up'), Type.Literal('down')], {
          description: 'idle: not needed yet. down: it failed, and is tried again when it is needed'
        }),
        reason: Type.Optional(Type.String({ description: 'Why it is down' })),
        sourceId: Type.String({ description: 'Source of system.serviceLogs' }),
        restarts: Type.Integer({ minimum: 0, description: 'Starts after the first one, since the gateway started' }),
        log: Type.Array(Type.String(), { description: 'Last lines of its stderr, without secrets' })
      })
    )
  }),
  examples: [
    {
      params: {},
      result: {
        servers: [
          {
            name: 'files',
            state: 'down',
            reason: 'exited with code 1',
            sourceId: 'mcp:files',
            restarts: 2,
            log: ['no such folder']
          }
        ]
      }
    }
  ],
  handler: (_params, { app }) => ({
    servers: app.tools
      .status()
      .filter(({ id }) => id.startsWith('mcp:'))
      .map(({ id, name, state, reason, restarts, log }) => ({
        name,
        state,
        ...(reason === undefined ? {} : { reason }),
        sourceId: id,
        restarts,
        log: log.map(({ text }) => text)
      }))
  })
})
