import { Type } from '@sinclair/typebox'
import { named } from '../../rpc/named.ts'

/** A session in which nothing was ever asked, or nothing that is still known. */
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
        seq: Type.Integer({ minimum: 0, description: 'Of its newest event: what came before is told by sessions.resume' })
      }),
      { description: 'The runs under way' }
    )
  })
)

export const Unsubscribed = named('Unsubscribed', Type.Object({ sessionId: Type.String(), subscribed: Type.Literal(false) }))
