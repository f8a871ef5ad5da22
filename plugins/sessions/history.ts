import { type Static, Type } from '@sinclair/typebox'
import type { ShownMessage } from '../../db/client.ts'
import { invalidParams } from '../../rpc/errors.ts'
import { runSummaryOf } from '../../rpc/schemas/run.ts'
import { type HistoryEntry, SessionDetails, SessionId, sessionOf } from '../../rpc/schemas/session.ts'
import { defineMethod } from '../define.ts'

const HISTORY_LIMIT = 200
/** MiB of text in one answer, tool results counted in full: many calls at once must not exhaust memory. */
const HISTORY_MIB = 4
/** Characters shown of one tool result, which may be a quarter of a megabyte. A history is for reading. */
const OUTPUT_SHOWN = 16_384

export type Entry = Static<typeof HistoryEntry>
type ToolCall = NonNullable<Entry['toolCalls']>[number]

export const get = defineMethod({
  name: 'sessions.get',
  summary: 'Show a session with its newest messages',
  scope: 'read',
  errors: ['SessionNotFound'],
  params: Type.Object(
    {
      sessionId: Type.Optional(SessionId),
      limit: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: 500,
          default: HISTORY_LIMIT,
          description: `Maximum number of messages. The page has fewer when they exceed ${HISTORY_MIB} MiB of text, but at least one`
        })
      ),
      before: Type.Optional(
        Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'The `id` of a message: only older messages' })
      ),
      after: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: Number.MAX_SAFE_INTEGER,
          description: 'The `id` of a message: only newer messages, the oldest of them'
        })
      ),
      around: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: Number.MAX_SAFE_INTEGER,
          description: 'The `id` of a message: it, half a page of older and half a page of newer messages'
        })
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
        ],
        title: 'Hello',
        pinned: false,
        archived: false,
        runs: [
          {
            runId: '0b6f2a1c-5d0e-4c1f-9f43-6a3f5f0f2b11',
            sessionId: 'telegram:123456',
            owner: 'token:telegram',
            status: 'completed',
            acceptedAt: 1739448000000,
            startedAt: 1739448000900,
            endedAt: 1739448003400,
            usage: { inputTokens: 25, outputTokens: 30 },
            provider: 'anthropic',
            model: 'claude',
            error: null,
            reason: null
          }
        ],
        older: false,
        newer: false
      }
    }
  ],
  async handler({ limit = HISTORY_LIMIT, before, after, around, ...params }, ctx) {
    if ([before, after, around].filter((it) => it !== undefined).length > 1) {
      throw invalidParams([{ path: 'params', message: 'must have only one of before, after and around' }])
    }
    const page = { limit, before, after, around, bytes: HISTORY_MIB * 1024 * 1024 }
    const { session, messages, runs, older, newer } = await ctx.app.sessions.get(sessionOf(params, ctx), page)
    const { id, createdAt, lastMessageAt, title, pinned, archived } = session
    return {
      id,
      createdAt: iso(createdAt),
      lastActiveAt: iso(lastMessageAt ?? createdAt),
      title,
      pinned,
      archived,
      history: historyOf(messages),
      runs: runs.map(runSummaryOf),
      older,
      newer
    }
  }
})

/** Messages as the protocol shows them: those of users and of the agent, with the results and files of its tools at their calls. */
export function historyOf(messages: readonly ShownMessage[]): Entry[] {
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
    if (parts?.reasoning) entry.reasoning = parts.reasoning
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
