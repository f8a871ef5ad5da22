import { Type } from '@sinclair/typebox'
import { SessionId, sessionOf } from '../../rpc/schemas/session.ts'
import { defineMethod } from '../define.ts'
import { ToolDescription, ToolName, ToolOutcome } from './schema.ts'

export const list = defineMethod({
  name: 'tools.list',
  summary: 'List the available tools',
  scope: 'read',
  params: Type.Object({ sessionId: Type.Optional(SessionId) }, { additionalProperties: false }),
  result: Type.Object({ tools: Type.Array(ToolDescription) }),
  examples: [
    {
      params: { sessionId: 'telegram:123456' },
      result: {
        tools: [
          {
            name: 'shell.exec',
            description: 'Execute a shell command...',
            inputSchema: { type: 'object', properties: { command: { type: 'string' } } }
          }
        ]
      }
    }
  ],
  handler: async (_params, { app }) => ({ tools: await app.tools.specs() })
})

export const execute = defineMethod({
  name: 'tools.execute',
  summary: 'Run one tool directly, without the agent',
  scope: 'operate',
  errors: ['ToolNotFound', 'RequestCancelled'],
  params: Type.Object(
    {
      sessionId: Type.Optional(SessionId),
      tool: ToolName,
      args: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'By the inputSchema of the tool' }))
    },
    { additionalProperties: false }
  ),
  result: ToolOutcome,
  examples: [
    {
      params: { sessionId: 'telegram:123456', tool: 'shell.exec', args: { command: "echo 'Hello'" } },
      result: { success: true, output: 'Hello\n' }
    }
  ],
  async handler({ tool, args = {}, ...params }, ctx) {
    const { app, caller, log, signal } = ctx
    // Before the session is made: a call that cannot run must not leave one behind.
    await app.tools.check(tool, args, 'params.args')
    const sessionId = sessionOf(params, ctx)
    await app.sessions.open(sessionId)
    const { success, output, error, attachments } = await app.tools.execute(tool, args, {
      sessionId,
      signal,
      log,
      actor: caller.id
    })
    return {
      success,
      output,
      ...(error === null ? {} : { error }),
      ...(attachments.length > 0 ? { attachments: [...attachments] } : {})
    }
  }
})
