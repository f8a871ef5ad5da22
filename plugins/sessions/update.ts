import { Type } from '@sinclair/typebox'
import { SessionId, Title } from '../../rpc/schemas/session.ts'
import { defineMethod } from '../define.ts'

const EXAMPLE = 'telegram:123456'

export const update = defineMethod({
  name: 'sessions.update',
  summary: 'Set the title of a session, pin it, or archive it (extension)',
  extension: true,
  scope: 'write',
  errors: ['SessionNotFound'],
  params: Type.Object(
    {
      sessionId: SessionId,
      title: Type.Optional(
        Type.Union([Title, Type.Null()], { description: 'A title that stays; null: one that is made from the next message' })
      ),
      pinned: Type.Optional(Type.Boolean()),
      archived: Type.Optional(Type.Boolean({ description: 'A message of a user ends it' }))
    },
    { additionalProperties: false }
  ),
  result: Type.Object({
    sessionId: SessionId,
    title: Type.Union([Type.String(), Type.Null()]),
    pinned: Type.Boolean(),
    archived: Type.Boolean()
  }),
  examples: [
    {
      params: { sessionId: EXAMPLE, title: 'Nightly backup', pinned: true },
      result: { sessionId: EXAMPLE, title: 'Nightly backup', pinned: true, archived: false }
    }
  ],
  async handler({ sessionId, ...changes }, { app, caller }) {
    const { title, pinned, archived } = await app.sessions.update(sessionId, changes, caller)
    return { sessionId, title, pinned, archived }
  }
})

export const markRead = defineMethod({
  name: 'sessions.markRead',
  summary: 'Record how far the caller has read a session (extension)',
  extension: true,
  scope: 'read',
  errors: ['SessionNotFound'],
  params: Type.Object(
    {
      sessionId: SessionId,
      messageId: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: Number.MAX_SAFE_INTEGER,
          description: 'The `id` of the newest message that was read. A mark never moves back. Default: the newest of all'
        })
      )
    },
    { additionalProperties: false }
  ),
  result: Type.Object({ sessionId: SessionId, unread: Type.Integer({ minimum: 0, description: 'As in sessions.list' }) }),
  examples: [{ params: { sessionId: EXAMPLE, messageId: 42 }, result: { sessionId: EXAMPLE, unread: 0 } }],
  async handler({ sessionId, messageId }, { app, caller }) {
    return { sessionId, unread: await app.sessions.markRead(sessionId, caller, messageId) }
  }
})
