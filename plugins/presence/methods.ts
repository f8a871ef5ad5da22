import { Type } from '@sinclair/typebox'
import { defineMethod } from '../define.ts'
import { PresenceSummary, Present, Status } from './schema.ts'

const LIMIT = 50

export const presence = defineMethod({
  name: 'system.presence',
  summary: 'List senders and whether they are online, seen last first',
  scope: 'read',
  params: Type.Object(
    {
      channel: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'ws, http, or the name of a channel' })),
      status: Type.Optional(Status),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: LIMIT, description: 'Senders in the answer' }))
    },
    { additionalProperties: false }
  ),
  result: Type.Object({ presence: Type.Array(Present), summary: PresenceSummary }),
  examples: [
    {
      params: { channel: 'telegram', status: 'online', limit: 50 },
      result: {
        presence: [
          {
            channel: 'telegram',
            senderId: '123456',
            senderName: 'alice',
            firstSeenAt: 1739700000000,
            lastSeenAt: 1739700300000,
            messageCount: 12,
            status: 'online'
          }
        ],
        summary: { total: 1, online: 1, offline: 0 }
      }
    }
  ],
  handler: ({ limit = LIMIT, ...query }, { app }) => app.presence.list({ ...query, limit })
})
