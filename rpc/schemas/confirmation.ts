import { Type } from '@sinclair/typebox'
import { named } from '../named.ts'

/** Characters of what a person says to the model instead of a confirmation. */
export const MAX_REASON = 1000

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
