import { Type } from '@sinclair/typebox'
import { named } from '../../rpc/named.ts'
import { Attachment } from '../../rpc/schemas/agent.ts'

export const ToolName = Type.String({ minLength: 1, maxLength: 64, description: 'Name as in tools.list: shell.exec' })

export const ToolDescription = named(
  'ToolDescription',
  Type.Object({
    name: Type.String(),
    description: Type.String({ description: 'Read by the model' }),
    inputSchema: Type.Record(Type.String(), Type.Unknown(), { description: 'JSON Schema of args' }),
    confirm: Type.Optional(Type.Boolean({ description: 'The agent needs a confirmation for each call (extension)' })),
    elevated: Type.Optional(Type.Boolean({ description: 'Runs in elevated sessions only (extension)' })),
    source: Type.Optional(Type.String({ description: 'MCP server or other source; absent for tools of the gateway (extension)' }))
  })
)

export const ToolCost = named(
  'ToolCost',
  Type.Object(
    {
      tools: Type.Integer({ description: 'Tools that a model is given; past tools.max fewer than are listed' }),
      tokens: Type.Integer({ description: 'Estimate of the tokens they take in every model call' })
    },
    { description: 'Size of the tools in every model call (extension)' }
  )
)

export const ToolSourceStatus = named(
  'ToolSourceStatus',
  Type.Object({
    name: Type.String({ description: 'First part of the names of its tools' }),
    state: Type.Union([Type.Literal('idle'), Type.Literal('starting'), Type.Literal('up'), Type.Literal('down')], {
      description: 'idle: not needed yet. down: it failed, and is tried again when it is needed'
    }),
    reason: Type.Optional(Type.String({ description: 'Why it is down' })),
    tools: Type.Integer({ description: 'Tools of it that are listed' }),
    log: Type.Array(Type.String(), { description: 'Last lines of its stderr, without secrets' })
  })
)

/** `error` is present exactly when `success` is false. `output` then holds the output up to the failure. */
export const ToolOutcome = named(
  'ToolOutcome',
  Type.Object({
    success: Type.Boolean(),
    output: Type.String(),
    error: Type.Optional(Type.String()),
    attachments: Type.Optional(Type.Array(Attachment))
  })
)
