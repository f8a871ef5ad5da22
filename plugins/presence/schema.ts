import { Type } from '@sinclair/typebox'
import { named } from '../../rpc/named.ts'

export const Status = named(
  'PresenceStatus',
  Type.Union([Type.Literal('online'), Type.Literal('offline')], {
    description: 'Online: seen within `presence.offline_after_seconds`'
  })
)

/** One sender on one channel. */
export const Present = named(
  'Present',
  Type.Object({
    channel: Type.String(),
    senderId: Type.String({ description: 'Over a socket or HTTP: who the credential says is calling' }),
    senderName: Type.Union([Type.String(), Type.Null()], { description: 'Null: the channel has not told a name' }),
    firstSeenAt: Type.Integer({ description: 'Epoch milliseconds' }),
    lastSeenAt: Type.Integer({ description: 'Epoch milliseconds' }),
    messageCount: Type.Integer({ minimum: 1 }),
    status: Status
  })
)

const amount = (description: string) => Type.Integer({ minimum: 0, description })

export const PresenceSummary = named(
  'PresenceSummary',
  Type.Object(
    { total: amount('All that fit'), online: amount('Of those'), offline: amount('Of those') },
    { description: 'Of all that fit the filters, before the limit' }
  )
)
