import { Type } from '@sinclair/typebox'
import { named } from '../../rpc/named.ts'

/** One signed-in browser. */
export const LoginEntry = named(
  'LoginEntry',
  Type.Object({
    loginId: Type.String(),
    token: Type.String({ description: 'Name of the token it signed in with' }),
    issuedAt: Type.Integer({ description: 'Epoch milliseconds' }),
    lastSeenAt: Type.Integer({ description: 'Epoch milliseconds' }),
    address: Type.String({ description: 'Address it was used from last' }),
    userAgent: Type.String({ description: 'Program it was used from last, in its own words' }),
    current: Type.Boolean({ description: 'True for the login of this connection' })
  })
)

/** One live socket. */
export const ConnectionEntry = named(
  'ConnectionEntry',
  Type.Object({
    connectionId: Type.String(),
    caller: Type.String({ description: 'Id of the caller' }),
    sessionId: Type.String({ description: 'The session it is attached to' }),
    connectedAt: Type.Integer({ description: 'Epoch milliseconds' }),
    address: Type.String(),
    userAgent: Type.String({ description: 'Program of the client, in its own words' }),
    loginId: Type.Optional(Type.String({ description: 'Login whose cookie opened it' })),
    owedBytes: Type.Integer({ minimum: 0, description: 'Bytes that wait to be read by the client' }),
    current: Type.Boolean({ description: 'True for this connection' })
  })
)
