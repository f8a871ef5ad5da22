import { Type } from '@sinclair/typebox'
import { attach, SessionId } from '../../rpc/schemas/session.ts'
import { defineMethod } from '../define.ts'

export { exportSession } from './export.ts'
export { get } from './history.ts'
export { list } from './list.ts'
export { search } from './search.ts'
export { fork, markRead, update } from './update.ts'

export const create = defineMethod({
  name: 'sessions.create',
  summary: 'Create or resume a session, and attach this connection to it',
  scope: 'write',
  params: Type.Object({ sessionId: Type.Optional(SessionId) }, { additionalProperties: false }),
  result: Type.Object({ sessionId: SessionId, created: Type.Boolean() }),
  examples: [{ params: { sessionId: 'telegram:123456' }, result: { sessionId: 'telegram:123456', created: true } }],
  async handler(params, ctx) {
    const sessionId = attach(params, ctx)
    const { created } = await ctx.app.sessions.open(sessionId)
    return { sessionId, created }
  }
})

export const remove = defineMethod({
  name: 'sessions.delete',
  summary: 'Stop the work of a session and delete all its data',
  scope: 'write',
  errors: ['SessionNotFound'],
  // Required: an action that cannot be undone must not depend on the session that a connection happens to be attached to.
  params: Type.Object({ sessionId: SessionId }, { additionalProperties: false }),
  result: Type.Object({ success: Type.Boolean() }),
  examples: [{ params: { sessionId: 'telegram:123456' }, result: { success: true } }],
  async handler({ sessionId }, { app, caller }) {
    await app.sessions.remove(sessionId, caller)
    return { success: true }
  }
})
