import { Type } from '@sinclair/typebox'
import { QueueDetails } from '../../rpc/schemas/queue.ts'
import { SessionId, sessionOf } from '../../rpc/schemas/session.ts'
import { defineMethod } from '../define.ts'

const sessionId = Type.Optional(SessionId)

const EXAMPLE_SESSION = 'telegram:123456'
const EXAMPLE_MESSAGE = '0b6f2a1c-5d0e-4c1f-9f43-6a3f5f0f2b11'

export const get = defineMethod({
  name: 'queue.get',
  summary: "Show the state of a session's lane and its waiting messages (extension)",
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
  handler: (params, ctx) => ctx.app.lanes.queues.get(sessionOf(params, ctx))
})

export const cancel = defineMethod({
  name: 'queue.cancel',
  summary: 'Cancel one waiting message: your own, or any with the scope operate (extension)',
  extension: true,
  scope: 'write',
  errors: ['SessionNotFound'],
  params: Type.Object(
    { sessionId, messageId: Type.String({ minLength: 1, maxLength: 64, description: 'messageId of queue.get' }) },
    { additionalProperties: false }
  ),
  result: Type.Object({
    cancelled: Type.Boolean({ description: 'False when the message does not wait any more, or is not yours' })
  }),
  examples: [{ params: { sessionId: EXAMPLE_SESSION, messageId: EXAMPLE_MESSAGE }, result: { cancelled: true } }],
  async handler({ messageId, ...params }, ctx) {
    return { cancelled: await ctx.app.lanes.queues.cancel(sessionOf(params, ctx), messageId, ctx.caller) }
  }
})

export const clear = defineMethod({
  name: 'queue.clear',
  summary: 'Cancel the waiting messages: your own, or all with the scope operate. The active run goes on (extension)',
  extension: true,
  scope: 'write',
  errors: ['SessionNotFound'],
  params: Type.Object({ sessionId }, { additionalProperties: false }),
  result: Type.Object({ cleared: Type.Integer({ minimum: 0, description: 'Number of cancelled messages' }) }),
  examples: [{ params: { sessionId: EXAMPLE_SESSION }, result: { cleared: 3 } }],
  async handler(params, ctx) {
    return { cleared: await ctx.app.lanes.queues.clear(sessionOf(params, ctx), ctx.caller) }
  }
})
