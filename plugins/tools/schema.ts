import { Type } from '@sinclair/typebox'
import { named } from '../../rpc/named.ts'
import { Attachment } from '../../rpc/schemas/agent.ts'

export const ToolName = Type.String({ minLength: 1, maxLength: 64, description: 'As tools.list says it: shell.exec' })

export const ToolDescription = named(
  'ToolDescription',
  Type.Object({
    name: Type.String(),
    description: Type.String({ description: 'What the model reads' }),
    inputSchema: Type.Record(Type.String(), Type.Unknown(), { description: 'JSON Schema of args' })
  })
)

/** `error` is there exactly when `success` is false; what the tool had printed by then is still in `output`. */
export const ToolOutcome = named(
  'ToolOutcome',
  Type.Object({
    success: Type.Boolean(),
    output: Type.String(),
    error: Type.Optional(Type.String()),
    attachments: Type.Optional(Type.Array(Attachment))
  })
)
