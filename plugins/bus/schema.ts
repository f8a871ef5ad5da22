import { Type } from '@sinclair/typebox'
import { named } from '../../rpc/named.ts'

/** Result for a session without a message to resume. */
export const NothingToResume = named(
  'NothingToResume',
  Type.Object({
    sessionId: Type.String(),
    runId: Type.Null({ description: 'There is nothing to resume' })
  })
)

export const Subscribed = named(
  'Subscribed',
  Type.Object({
    sessionId: Type.String(),
    subscribed: Type.Literal(true),
    runs: Type.Array(
      Type.Object({
        runId: Type.String(),
        seq: Type.Integer({ minimum: 0, description: 'Number of its newest event. sessions.resume replays earlier ones' })
      }),
      { description: 'Active runs' }
    )
  })
)

export const Unsubscribed = named('Unsubscribed', Type.Object({ sessionId: Type.String(), subscribed: Type.Literal(false) }))
