import { randomUUID } from 'node:crypto'
import { Type } from '@sinclair/typebox'
import { SessionId, Title } from '../../rpc/schemas/session.ts'
import { defineMethod } from '../define.ts'
import { MAX_COPIED } from './fork.ts'

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

export const fork = defineMethod({
  name: 'sessions.fork',
  summary: 'Make a new session with the conversation up to a message (extension)',
  extension: true,
  scope: 'write',
  errors: ['SessionNotFound'],
  params: Type.Object(
    {
      sessionId: SessionId,
      messageId: Type.Integer({
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'The `id` of a message of the current conversation'
      }),
      inclusive: Type.Optional(
        Type.Boolean({ default: true, description: 'False: without that message, to send another in its place' })
      ),
      newSessionId: Type.Optional(Type.Unsafe<string>({ ...SessionId, description: 'Default: `ws:` and a new key' }))
    },
    { additionalProperties: false }
  ),
  result: Type.Object({
    sessionId: SessionId,
    copied: Type.Integer({
      minimum: 0,
      description: `Messages of users and the agent, the newest ${MAX_COPIED} of the conversation`
    })
  }),
  examples: [
    {
      params: { sessionId: EXAMPLE, messageId: 42 },
      result: { sessionId: 'ws:5f0d6c1a-8a1b-4d27-8d43-0b7d1f6c9a02', copied: 12 }
    }
  ],
  async handler({ sessionId, messageId, inclusive = true, newSessionId = `ws:${randomUUID()}` }, { app, caller }) {
    const copied = await app.sessions.fork({ from: sessionId, to: newSessionId, messageId, inclusive }, caller)
    return { sessionId: newSessionId, copied }
  }
})
