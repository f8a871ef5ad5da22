import { Type } from '@sinclair/typebox'
import { elevationOf, SessionId, SessionSummary } from '../../rpc/schemas/session.ts'
import { defineMethod } from '../define.ts'

const LIST_LIMIT = 50
export const STATUSES = ['running', 'waiting', 'idle'] as const
const SORTS = ['lastMessageAt', 'createdAt', 'title', 'messageCount', 'tokens'] as const

const oneOf = <const T extends readonly string[]>(words: T, description: string, options = {}) =>
  Type.Union(
    words.map((word) => Type.Literal(word as T[number])),
    { description, ...options }
  )
const time = (description: string) => Type.Integer({ minimum: 0, description: `${description}. Epoch milliseconds` })

export const list = defineMethod({
  name: 'sessions.list',
  summary: 'List sessions, latest message first',
  scope: 'read',
  params: Type.Object(
    {
      includePersisted: Type.Optional(
        Type.Boolean({ default: true, description: 'False: only sessions with a live connection or with work in their lane' })
      ),
      sessionIds: Type.Optional(Type.Array(SessionId, { maxItems: 100, description: 'Only these sessions' })),
      frontend: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
      status: Type.Optional(
        oneOf(STATUSES, 'running: with an active run; waiting: messages wait, and no run is active; idle: neither')
      ),
      archived: Type.Optional(Type.Boolean({ description: 'Only archived sessions, or only the others. Default: all' })),
      pinned: Type.Optional(Type.Boolean({ description: 'Only pinned sessions, or only the others. Default: all' })),
      updatedAfter: Type.Optional(time('Only sessions with a message at this time or later')),
      updatedBefore: Type.Optional(time('Only sessions whose last message is before this time')),
      text: Type.Optional(
        Type.String({ minLength: 1, maxLength: 256, description: 'Only sessions with this text in their title' })
      ),
      sort: Type.Optional(oneOf(SORTS, 'tokens: of all model calls. Default: lastMessageAt', { default: 'lastMessageAt' })),
      order: Type.Optional(oneOf(['desc', 'asc'] as const, 'Highest or lowest value first', { default: 'desc' })),
      limit: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 500, default: LIST_LIMIT, description: 'Maximum number of sessions on a page' })
      ),
      offset: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 }))
    },
    { additionalProperties: false }
  ),
  result: Type.Object({
    sessions: Type.Array(SessionSummary),
    total: Type.Integer({ minimum: 0, description: 'Number of sessions on all pages' })
  }),
  examples: [
    {
      params: { includePersisted: true, frontend: 'ws', limit: 50, offset: 0 },
      result: {
        sessions: [
          {
            id: 'telegram:123456',
            frontend: 'telegram',
            userId: '123456',
            messageCount: 42,
            lastMessageAt: 1739448000000,
            config: {
              modelTier: 'fast',
              queue: { mode: 'followup', overflow: 'drop_old', cap: 8, debounceMs: 250, summarizeOverflow: true },
              elevation: { active: false, untilMs: 1739451600000 }
            },
            title: 'Nightly backup',
            preview: 'The backup of last night is complete.',
            createdAt: 1739440800000,
            running: false,
            depth: 0,
            unread: 2,
            pinned: true,
            archived: false,
            usage: { inputTokens: 12040, outputTokens: 960 },
            context: { tokens: 34000, contextWindow: 100000 }
          }
        ],
        total: 1
      }
    }
  ],
  async handler({ includePersisted = true, sessionIds, updatedAfter, updatedBefore, order, ...rest }, ctx) {
    const { app, caller } = ctx
    const { limit = LIST_LIMIT, offset = 0 } = rest
    const { rows, total } = await app.sessions.list({
      ...rest,
      ids: sessionIds,
      live: !includePersisted,
      since: updatedAfter,
      until: updatedBefore,
      ascending: order === 'asc',
      principal: caller.id,
      limit,
      offset
    })
    const sessions = rows.map((row) => {
      const { id, frontend, userId, messageCount, lastMessageAt, title, preview, createdAt, unread, pinned, archived } = row
      const elevation = elevationOf(row.config.elevation, Date.now())
      const modelTier = app.context.tierOf(row.config).name
      const config = { modelTier, queue: app.lanes.policies.effective(row), elevation }
      const { depth, running } = app.lanes.has(id) ? app.lanes.snapshot(id) : { depth: 0, running: undefined }
      const { inputTokens, outputTokens, contextTokens: tokens, contextWindow } = row
      return {
        ...{ id, frontend, userId, messageCount, lastMessageAt, config },
        ...{ title, preview, createdAt, running: running !== undefined, depth, unread, pinned, archived },
        usage: { inputTokens, outputTokens },
        context: tokens === null || contextWindow === null ? null : { tokens, contextWindow }
      }
    })
    return { sessions, total }
  }
})
