import { type Static, Type } from '@sinclair/typebox'
import type { ShownMessage } from '../../db/client.ts'
import {
  attach,
  elevationOf,
  type HistoryEntry,
  SessionDetails,
  SessionId,
  SessionSummary,
  sessionOf
} from '../../rpc/schemas/session.ts'
import { defineMethod } from '../define.ts'

const LIST_LIMIT = 50
const HISTORY_LIMIT = 200
/** MiB of text in one answer, tool results counted in full: many calls at once must not exhaust memory. */
const HISTORY_MIB = 4
/** Characters shown of one tool result, which may be a quarter of a megabyte. A history is for reading. */
const OUTPUT_SHOWN = 16_384

type Entry = Static<typeof HistoryEntry>
type ToolCall = NonNullable<Entry['toolCalls']>[number]

const limit = (fallback: number, description: string) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: fallback, description }))

export const list = defineMethod({
  name: 'sessions.list',
  summary: 'List sessions, latest message first',
  scope: 'read',
  params: Type.Object(
    {
      includePersisted: Type.Optional(
        Type.Boolean({ default: true, description: 'False: only sessions with a live connection or with work in their lane' })
      ),
      frontend: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
      limit: limit(LIST_LIMIT, 'Maximum number of sessions on a page'),
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
            }
          }
        ],
        total: 1
      }
    }
  ],
  async handler({ includePersisted = true, frontend, limit = LIST_LIMIT, offset = 0 }, { app }) {
    const { rows, total } = await app.sessions.list({ live: !includePersisted, frontend, limit, offset })
    const sessions = rows.map((row) => {
      const { id, frontend, userId, messageCount, lastMessageAt } = row
      const elevation = elevationOf(row.config.elevation, Date.now())
      const modelTier = app.context.tierOf(row.config).name
      const config = { modelTier, queue: app.lanes.policies.effective(row), elevation }
      return { id, frontend, userId, messageCount, lastMessageAt, config }
    })
    return { sessions, total }
  }
})

export const get = defineMethod({
  name: 'sessions.get',
  summary: 'Show a session with its newest messages',
  scope: 'read',
  errors: ['SessionNotFound'],
  params: Type.Object(
    {
      sessionId: Type.Optional(SessionId),
      limit: limit(
        HISTORY_LIMIT,
        `Maximum number of messages. The page has fewer when they exceed ${HISTORY_MIB} MiB of text, but at least one`
      ),
      before: Type.Optional(
        Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'The `id` of a message: only older messages' })
      )
    },
    { additionalProperties: false }
  ),
  result: SessionDetails,
  examples: [
    {
      params: { sessionId: 'telegram:123456' },
      result: {
        id: 'telegram:123456',
        createdAt: '2025-02-13T10:00:00Z',
        lastActiveAt: '2025-02-13T12:00:00Z',
        history: [
          {
            role: 'user',
            content: 'Hello',
            id: 1,
            runId: '0b6f2a1c-5d0e-4c1f-9f43-6a3f5f0f2b11',
            status: 'complete',
            createdAt: '2025-02-13T12:00:00Z'
          },
          {
            role: 'assistant',
            content: 'Hi there!',
            id: 2,
            runId: '0b6f2a1c-5d0e-4c1f-9f43-6a3f5f0f2b11',
            status: 'complete',
            createdAt: '2025-02-13T12:00:00Z'
          }
        ]
      }
    }
  ],
  async handler({ limit = HISTORY_LIMIT, before, ...params }, ctx) {
    const { session, messages } = await ctx.app.sessions.get(sessionOf(params, ctx), {
      limit,
      before,
      bytes: HISTORY_MIB * 1024 * 1024
    })
    return {
      id: session.id,
      createdAt: iso(session.createdAt),
      lastActiveAt: iso(session.lastMessageAt ?? session.createdAt),
      history: historyOf(messages)
    }
  }
})

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

/** Messages as the protocol shows them: those of users and of the agent, with the results and files of its tools at their calls. */
function historyOf(messages: readonly ShownMessage[]): Entry[] {
  const entries: Entry[] = []
  // By run and call id. A provider may use an id again in a later step; a result belongs to the latest call before it.
  const calls = new Map<string, { call: ToolCall; entry: Entry }>()
  for (const { role, content, id, runId, status, createdAt, parts, attachments } of messages) {
    if (role === 'tool') {
      const made = calls.get(`${runId} ${parts?.callId}`)
      if (made === undefined) continue
      made.call.result = resultOf(content, parts?.failed ?? false)
      attachFiles(made.entry, attachments)
      continue
    }
    const entry: Entry = { role, content, id, runId, status, createdAt: iso(createdAt) }
    if (parts?.toolCalls) entry.toolCalls = parts.toolCalls.map(({ callId, tool, args }) => ({ callId, tool, args }))
    attachFiles(entry, attachments)
    for (const call of entry.toolCalls ?? []) calls.set(`${runId} ${call.callId}`, { call, entry })
    entries.push(entry)
  }
  return entries
}

function attachFiles(entry: Entry, files: ShownMessage['attachments']): void {
  if (files.length > 0) entry.attachments = [...(entry.attachments ?? []), ...files]
}

function resultOf(content: string, failed: boolean): NonNullable<ToolCall['result']> {
  const text = content.slice(0, OUTPUT_SHOWN)
  const cut = text.length < content.length ? { truncated: true } : {}
  return failed ? { success: false, output: '', error: text, ...cut } : { success: true, output: text, error: null, ...cut }
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
