import { Type } from '@sinclair/typebox'
import { SessionId, sessionOf } from '../../rpc/schemas/session.ts'
import { defineMethod } from '../define.ts'
import { ToolCost, ToolDescription, ToolName, ToolOutcome, ToolSourceStatus } from './schema.ts'

export const list = defineMethod({
  name: 'tools.list',
  summary: 'List the available tools',
  scope: 'read',
  params: Type.Object({ sessionId: Type.Optional(SessionId) }, { additionalProperties: false }),
  result: Type.Object({
    tools: Type.Array(ToolDescription),
    cost: Type.Optional(ToolCost),
    sources: Type.Optional(Type.Array(ToolSourceStatus, { description: 'MCP servers and other sources of tools (extension)' }))
  }),
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
  async handler(_params, { app }) {
    const { tools, cost } = await app.tools.survey()
    return {
      tools,
      cost,
      sources: app.tools.status().map(({ name, state, reason, log }) => ({
        name,
        state,
        ...(reason === undefined ? {} : { reason }),
        tools: tools.filter((tool) => tool.name.startsWith(`${name}.`)).length,
        log: log.map(({ text }) => text)
      }))
    }
  }
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
    const options = { sessionId: sessionOf(params, ctx), signal, log, actor: caller.id }
    const { success, output, error, attachments } = await app.tools.execute(tool, args, options)
    return {
      success,
      output,
      ...(error === null ? {} : { error }),
      ...(attachments.length > 0 ? { attachments: [...attachments] } : {})
    }
  }
})
