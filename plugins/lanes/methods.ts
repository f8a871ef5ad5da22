import { type Static, Type } from '@sinclair/typebox'
import { sessionNotFound } from '../../rpc/errors.ts'
import { ownedBy, QueueDetails } from '../../rpc/schemas/queue.ts'
import { SessionId, sessionOf } from '../../rpc/schemas/session.ts'
import type { Context } from '../define.ts'
import { defineMethod } from '../define.ts'

const sessionId = Type.Optional(SessionId)

const EXAMPLE_SESSION = 'telegram:123456'
const EXAMPLE_MESSAGE = '0b6f2a1c-5d0e-4c1f-9f43-6a3f5f0f2b11'

export const get = defineMethod({
  name: 'queue.get',
  summary: "Show what a session's lane is doing, and what waits in it (extension)",
  extension: true,
  scope: 'read',
  errors: ['SessionNotFound'],
  params: Type.Object({ sessionId }, { additionalProperties: false }),
  result: QueueDetails,
  examples: [
    {
      params: { sessionId: EXAMPLE_SESSION },
      result: {
        sessionId: EXAMPLE_SESSION,
        state: 'running',
        depth: 1,
        oldestAgeMs: 1200,
        running: { runId: '5f0d6c1a-8a1b-4d27-8d43-0b7d1f6c9a02', owner: 'token:telegram', sinceMs: 1739448000000 },
        policy: { mode: 'followup', overflow: 'drop_old', cap: 20, debounceMs: 250, summarizeOverflow: true },
        messages: [
          {
            messageId: EXAMPLE_MESSAGE,
            mode: 'followup',
            owner: 'token:telegram',
            priority: 'person',
            preview: 'And tomorrow?',
            acceptedAt: 1739448003000,
            position: 1
          }
        ]
      }
    }
  ],
  async handler(params, ctx): Promise<Static<typeof QueueDetails>> {
    const sessionId = await knownSession(params, ctx)
    const { lanes } = ctx.app
    const policy = await lanes.policies.resolve(sessionId)
    // From here on in one go: the parts belong together.
    const { state, depth, oldestAgeMs = null, running: turn } = lanes.snapshot(sessionId)
    const running = turn === undefined ? null : { runId: turn.id, owner: turn.owner, sinceMs: turn.since }
    const messages = lanes.queued(sessionId).map(({ id, policy: { mode }, owner, priority, payload, acceptedAt }, index) => ({
      messageId: id,
      mode,
      owner,
      priority,
      preview: payload.kind === 'message' ? payload.preview : '',
      acceptedAt,
      position: index + (running ? 1 : 0)
    }))
    return { sessionId, state, depth, oldestAgeMs, running, policy, messages }
  }
})

export const cancel = defineMethod({
  name: 'queue.cancel',
  summary: 'Cancel one message that waits, your own or with the scope operate any (extension)',
  extension: true,
  scope: 'write',
  errors: ['SessionNotFound'],
  params: Type.Object(
    { sessionId, messageId: Type.String({ minLength: 1, maxLength: 64, description: 'As queue.get shows it' }) },
    { additionalProperties: false }
  ),
  result: Type.Object({
    cancelled: Type.Boolean({ description: 'False: it does not wait any more, or it is not yours' })
  }),
  examples: [{ params: { sessionId: EXAMPLE_SESSION, messageId: EXAMPLE_MESSAGE }, result: { cancelled: true } }],
  async handler({ messageId, ...params }, ctx) {
    const sessionId = await knownSession(params, ctx)
    return { cancelled: ctx.app.lanes.cancelMessage(sessionId, messageId, ownedBy(ctx.caller)) }
  }
})

export const clear = defineMethod({
  name: 'queue.clear',
  summary: 'Cancel all that waits, your own or with the scope operate everything; what runs goes on (extension)',
  extension: true,
  scope: 'write',
  errors: ['SessionNotFound'],
  params: Type.Object({ sessionId }, { additionalProperties: false }),
  result: Type.Object({ cleared: Type.Integer({ minimum: 0, description: 'How many messages were cancelled' }) }),
  examples: [{ params: { sessionId: EXAMPLE_SESSION }, result: { cleared: 3 } }],
  async handler(params, ctx) {
    const sessionId = await knownSession(params, ctx)
    return { cleared: ctx.app.lanes.clear(sessionId, ownedBy(ctx.caller)) }
  }
})

/**
 * The session a call is about.
 * @throws RpcError SessionNotFound when it is neither stored nor has anything in its lane
 */
async function knownSession(params: Parameters<typeof sessionOf>[0], ctx: Pick<Context, 'app' | 'connection'>): Promise<string> {
  const id = sessionOf(params, ctx)
  const { lanes, db } = ctx.app
  if (lanes.has(id) || (await db.sessions.get(id))) return id
  throw sessionNotFound(id)
}
