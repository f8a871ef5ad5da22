import { Type } from '@sinclair/typebox'
import { MAX_MESSAGE } from '../../rpc/schemas/agent.ts'
import { LaneDetails, QueueDetails } from '../../rpc/schemas/queue.ts'
import { SessionId, sessionOf } from '../../rpc/schemas/session.ts'
import { Success } from '../../rpc/schemas/simple.ts'
import { defineMethod } from '../define.ts'

const sessionId = Type.Optional(SessionId)

const LIST_LIMIT = 50
const messageId = Type.String({ minLength: 1, maxLength: 64, description: 'messageId of queue.get' })

const EXAMPLE_SESSION = 'telegram:123456'
const EXAMPLE_MESSAGE = '0b6f2a1c-5d0e-4c1f-9f43-6a3f5f0f2b11'
const EXAMPLE_LANE = {
  sessionId: EXAMPLE_SESSION,
  state: 'running',
  paused: false,
  depth: 1,
  oldestAgeMs: 1200,
  running: {
    runId: '5f0d6c1a-8a1b-4d27-8d43-0b7d1f6c9a02',
    owner: 'token:telegram',
    sinceMs: 1739448000000,
    ageMs: 4200
  },
  policy: { mode: 'followup', overflow: 'drop_old', cap: 20, debounceMs: 250, summarizeOverflow: true },
  origin: { mode: 'channel', overflow: 'default', cap: 'default', debounceMs: 'default', summarizeOverflow: 'default' },
  messages: [
    {
      messageId: EXAMPLE_MESSAGE,
      mode: 'followup',
      owner: 'token:telegram',
      priority: 'person',
      preview: 'And tomorrow?',
      acceptedAt: 1739448003000,
      ageMs: 1200,
      position: 1
    }
  ]
} as const

export const get = defineMethod({
  name: 'queue.get',
  summary: "Show the state of a session's lane and its waiting messages (extension)",
  extension: true,
  scope: 'read',
  errors: ['SessionNotFound'],
  params: Type.Object({ sessionId }, { additionalProperties: false }),
  result: QueueDetails,
  examples: [{ params: { sessionId: EXAMPLE_SESSION }, result: { ...EXAMPLE_LANE, messages: [...EXAMPLE_LANE.messages] } }],
  handler: (params, ctx) => ctx.app.lanes.queues.get(sessionOf(params, ctx))
})

export const cancel = defineMethod({
  name: 'queue.cancel',
  summary: 'Cancel one waiting message: your own, or any with the scope operate (extension)',
  extension: true,
  scope: 'write',
  errors: ['SessionNotFound'],
  params: Type.Object({ sessionId, messageId }, { additionalProperties: false }),
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

export const list = defineMethod({
  name: 'queue.list',
  summary: 'List the lanes that have anything to do, and paused ones, longest wait first (extension)',
  extension: true,
  scope: 'read',
  params: Type.Object(
    {
      limit: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 200, default: LIST_LIMIT, description: 'Maximum number of lanes on a page' })
      ),
      offset: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 }))
    },
    { additionalProperties: false }
  ),
  result: Type.Object({
    lanes: Type.Array(LaneDetails),
    total: Type.Integer({ minimum: 0, description: 'Number of lanes on all pages' }),
    summary: Type.Object(
      {
        running: Type.Integer({ minimum: 0, description: 'Lanes with a run' }),
        maxConcurrentRuns: Type.Integer({ minimum: 1, description: 'Runs that all lanes together may have' }),
        waiting: Type.Integer({ minimum: 0, description: 'Waiting messages' }),
        paused: Type.Integer({ minimum: 0, description: 'Paused lanes' }),
        oldestAgeMs: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
          description: 'Waiting time of the oldest message; null without any'
        }),
        dropped: Type.Integer({ minimum: 0, description: 'Messages that overflow dropped within the last hour' })
      },
      { description: 'Over all pages' }
    )
  }),
  examples: [
    {
      params: { limit: 50 },
      result: {
        lanes: [{ ...EXAMPLE_LANE, messages: [...EXAMPLE_LANE.messages], droppedCount: 0, dropped: [] }],
        total: 1,
        summary: { running: 1, maxConcurrentRuns: 32, waiting: 1, paused: 0, oldestAgeMs: 1200, dropped: 0 }
      }
    }
  ],
  async handler({ limit = LIST_LIMIT, offset = 0 }, { app }) {
    const { summary, ...rest } = await app.lanes.queues.list({ limit, offset })
    return { ...rest, summary: { ...summary, maxConcurrentRuns: app.config.lanes.maxConcurrentRuns } }
  }
})

export const update = defineMethod({
  name: 'queue.update',
  summary: 'Replace the text of a message of your own that still waits (extension)',
  extension: true,
  scope: 'write',
  errors: ['SessionNotFound'],
  params: Type.Object(
    {
      sessionId,
      messageId,
      message: Type.String({ maxLength: MAX_MESSAGE, description: 'May be empty when the message has attachments' })
    },
    { additionalProperties: false }
  ),
  result: Type.Object({
    updated: Type.Boolean({ description: 'False when the message does not wait any more, or is not yours' })
  }),
  examples: [
    {
      params: { sessionId: EXAMPLE_SESSION, messageId: EXAMPLE_MESSAGE, message: 'And the day after tomorrow?' },
      result: { updated: true }
    }
  ],
  async handler({ messageId, message, ...params }, ctx) {
    return { updated: await ctx.app.lanes.edit(sessionOf(params, ctx), messageId, message, ctx.caller) }
  }
})

export const pause = defineMethod({
  name: 'queue.pause',
  summary: 'Keep a lane from beginning runs, also after a restart. The active run goes on (extension)',
  extension: true,
  scope: 'operate',
  errors: ['SessionNotFound'],
  params: Type.Object({ sessionId }, { additionalProperties: false }),
  result: Success,
  examples: [{ params: { sessionId: EXAMPLE_SESSION }, result: { success: true } }],
  async handler(params, ctx) {
    await ctx.app.lanes.pause(sessionOf(params, ctx))
    return { success: true }
  }
})

export const resume = defineMethod({
  name: 'queue.resume',
  summary: 'Let a paused lane begin runs again (extension)',
  extension: true,
  scope: 'operate',
  errors: ['SessionNotFound'],
  params: Type.Object({ sessionId }, { additionalProperties: false }),
  result: Success,
  examples: [{ params: { sessionId: EXAMPLE_SESSION }, result: { success: true } }],
  async handler(params, ctx) {
    await ctx.app.lanes.resume(sessionOf(params, ctx))
    return { success: true }
  }
})
