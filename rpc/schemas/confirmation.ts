import { Type } from '@sinclair/typebox'
import { named } from '../named.ts'

/** Characters of what a person says to the model instead of a confirmation. */
export const MAX_REASON = 1000

/** A tool call that waits for a person. */
export const Confirmation = named(
  'Confirmation',
  Type.Object({
    callId: Type.String({ description: 'To be answered with agent.confirmTool, once' }),
    sessionId: Type.String(),
    runId: Type.String(),
    owner: Type.String({ description: 'Id of the caller that the tool would run for' }),
    tool: Type.String(),
    args: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: 'Exactly what the tool would get. Absent in an event when longer than 64 KiB: confirmations.list has it'
      })
    ),
    openedAt: Type.Integer({ description: 'Epoch milliseconds' }),
    expiresAt: Type.Integer({ description: 'When the tool counts as refused, epoch milliseconds' })
  })
)

/** A person has to say that the tool may run. */
export const Confirm = named(
  'Confirm',
  Type.Object(
    {
      callId: Type.String({ description: 'To be answered with agent.confirmTool, once; not the callId of the model' }),
      expiresAt: Type.Integer({ description: 'When the tool counts as refused, epoch milliseconds' })
    },
    { description: 'Only when the tool waits to be confirmed: args are exactly what it would get' }
  )
)
