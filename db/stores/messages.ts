import type { Connection, Query } from '../connection.ts'
import { and, asc, eq, max, ne, sql } from '../drizzle.ts'
import { titleOf } from '../titles.ts'
import { topicsOf } from '../topics.ts'
import type { FilePlace, MessageParts, MessageRow, MessageStore, NewMessage, StoredAttachment } from '../types/messages.ts'
import { counting, dayOf, purging, retallying, spent, tallying, trimming } from './analytics.ts'
import { messagePages } from './message-pages.ts'

/** Takes a few milliseconds. */
const PURGED_AT_ONCE = 200

const NO_USAGE = { inputTokens: 0, outputTokens: 0 }

type Row = Omit<MessageRow, 'attachments'>

/** Limit on the length of a counted tool name: a model may make up any. */
const TOOL_NAME = 128

/** Names to count of a message: topics of a user, tools of an assistant. Null: none. */
function talliedIn({ role, content, parts }: { role: Row['role']; content: string; parts: MessageParts | null }) {
  if (role === 'tool') return null
  // A call with unreadable arguments was not run.
  const calls = (parts?.toolCalls ?? []).filter(({ invalid }) => invalid === undefined)
  const names = role === 'user' ? topicsOf(content) : calls.map(({ tool }) => tool.slice(0, TOOL_NAME))
  return names.length > 0 ? names : null
}

export function messageStore(connection: Connection): MessageStore {
  const { query, schema, atomic } = connection
  const { messages, attachments, sessions } = schema
  const trim = trimming(connection)
  const ofSession = eq(messages.sessionId, sql.placeholder('sessionId'))

  /** Counted part of a message. Tool results are not counted. */
  type Counts = 'nothing' | 'message' | 'names'
  const createdAt = sql.placeholder('createdAt')
  const title = sql.placeholder('title')
  const spending = {
    inputTokens: sql`${sessions.inputTokens} + ${sql.placeholder('inputTokens')}`,
    outputTokens: sql`${sessions.outputTokens} + ${sql.placeholder('outputTokens')}`
  }
  const insertion = (tx: Query, counts: Counts) =>
    [
      tx
        .insert(messages)
        .values({
          sessionId: sql.placeholder('sessionId'),
          runId: sql.placeholder('runId'),
          role: sql.placeholder('role'),
          content: sql.placeholder('content'),
          parts: sql.placeholder('parts'),
          status: sql.placeholder('status'),
          createdAt,
          tallied: sql.placeholder('tallied')
        })
        .returning({ id: messages.id }),
      ...(counts === 'nothing' ? [] : counting(tx, schema)),
      ...(counts === 'names' ? tallying(tx, connection) : []),
      tx
        .update(sessions)
        .set({
          title: sql`coalesce(${sessions.title}, ${title})`,
          titledBy: sql`case when ${sessions.title} is null and cast(${title} as text) is not null then 'message' else ${sessions.titledBy} end`,
          archived: sql`case when cast(${sql.placeholder('role')} as text) = 'user' then ${sql.param(false, sessions.archived)} else ${sessions.archived} end`,
          ...spending,
          lastMessageAt: sql`case when ${sessions.lastMessageAt} > ${createdAt} then ${sessions.lastMessageAt} else ${createdAt} end`,
          messageCount: counts === 'nothing' ? sessions.messageCount : sql`${sessions.messageCount} + 1`
        })
        .where(eq(sessions.id, sql.placeholder('sessionId')))
    ] as const
  const insert = {
    nothing: atomic((tx) => insertion(tx, 'nothing')),
    message: atomic((tx) => insertion(tx, 'message')),
    names: atomic((tx) => insertion(tx, 'names'))
  }

  /** The same with attachments. Built for each call because their number differs. */
  const insertWith = (counts: Counts, files: readonly StoredAttachment[]) =>
    atomic((tx) => {
      // A run writes one message after the other, so its newest message is the one just inserted.
      const inserted = tx
        .select({ id: max(messages.id) })
        .from(messages)
        .where(and(ofSession, eq(messages.runId, sql.placeholder('runId'))))
      const rows = files.map((file, position) => ({ messageId: sql`(${inserted})`, ...rowOf(file, position) }))
      return [...insertion(tx, counts), tx.insert(attachments).values(rows)]
    })

  const at = ({ messageId, position }: FilePlace) => and(eq(attachments.messageId, messageId), eq(attachments.position, position))
  const byId = eq(messages.id, sql.placeholder('id'))
  const rewrite = atomic((tx) => [
    retallying(tx, connection, byId, -1),
    tx
      .update(messages)
      .set({
        content: sql`${sql.placeholder('content')}`,
        parts: sql`${sql.param(sql.placeholder('parts'), messages.parts)}`,
        status: sql`${sql.placeholder('status')}`,
        tallied: sql`${sql.param(sql.placeholder('tallied'), messages.tallied)}`
      })
      .where(byId),
    retallying(tx, connection, byId, 1),
    spent(tx, schema),
    tx
      .update(sessions)
      .set(spending)
      .where(eq(sessions.id, tx.select({ id: messages.sessionId }).from(messages).where(byId)))
  ])

  const cutOff = query
    .update(messages)
    .set({
      status: 'partial',
      parts: sql`case when ${messages.role} = 'user' then ${sql.param(sql.placeholder('parts'), messages.parts)} else ${messages.parts} end`
    })
    .where(
      eq(
        messages.id,
        query
          .select({ id: max(messages.id) })
          .from(messages)
          .where(and(ofSession, eq(messages.runId, sql.placeholder('runId')), ne(messages.role, 'tool')))
      )
    )
    .prepare()

  const oldest = query.select({ id: messages.id }).from(messages).orderBy(asc(messages.id)).limit(PURGED_AT_ONCE).as('oldest')
  const lastOldest = query
    .select({ id: max(oldest.id) })
    .from(oldest)
    .prepare()
  const purged = sql`${messages.id} <= ${sql.placeholder('last')} and ${messages.createdAt} < ${sql.placeholder('before')}`
  const purgeOf = atomic((tx) => [
    ...purging(tx, connection, purged),
    tx.delete(messages).where(purged).returning({ id: messages.id })
  ])

  return {
    async append({
      parts = null,
      status = 'complete',
      attachments = [],
      usage = NO_USAGE,
      ...message
    }: NewMessage): Promise<number> {
      const tallied = talliedIn({ ...message, parts })
      const counts = message.role === 'tool' ? 'nothing' : tallied === null ? 'message' : 'names'
      const day = dayOf(message.createdAt)
      if (tallied !== null) await trim(day)
      const write = attachments.length === 0 ? insert[counts] : insertWith(counts, attachments)
      const kind = message.role === 'user' ? 'topic' : 'tool'
      const title = message.role === 'user' ? titleOf(message.content || (attachments[0]?.filename ?? '')) : null
      const [[row]] = await write({ ...message, ...usage, title, parts, status, tallied, day, kind })
      return row!.id
    },

    async update({ id, content, parts, status, usage = NO_USAGE }): Promise<void> {
      await rewrite({ ...usage, id, content, parts, status, tallied: talliedIn({ role: 'assistant', content, parts }) })
    },

    async attach(messageId: number, files: readonly StoredAttachment[]): Promise<void> {
      if (files.length === 0) return
      const next = query
        .select({ n: sql<number>`coalesce(max(${attachments.position}), -1)` })
        .from(attachments)
        .where(eq(attachments.messageId, messageId))
      const [last] = await next.execute()
      const first = Number(last!.n) + 1
      await query
        .insert(attachments)
        .values(files.map((file, index) => ({ messageId, ...rowOf(file, first + index) })))
        .execute()
    },

    async file(place: FilePlace) {
      const { mimeType, filename, bytes } = attachments
      const [row] = await query.select({ mimeType, filename, bytes }).from(attachments).where(at(place)).execute()
      return row
    },

    async part({ start, length, ...place }: FilePlace & { readonly start: number; readonly length: number }) {
      const [row] = await query
        .select({ part: sql<Buffer>`substr(${attachments.data}, ${start + 1}, ${length})` })
        .from(attachments)
        .where(at(place))
        .execute()
      return row?.part
    },

    async cut(sessionId: string, runId: string, unanswered?: MessageParts['unanswered']): Promise<void> {
      await cutOff.execute({ sessionId, runId, parts: unanswered === undefined ? null : { unanswered } })
    },

    async purge(before: number): Promise<number> {
      // By id, which rises with time: without an index on the time, finding that nothing is old enough would read every message.
      const [end] = await lastOldest.execute()
      if (end?.id == null) return 0
      const [, , , , , , , rows] = await purgeOf({ last: end.id, before })
      return rows.length
    },

    ...messagePages(connection)
  }
}

function rowOf(
  { mimeType, filename = null, data: base64 }: Omit<StoredAttachment, 'filename'> & { filename?: string | null },
  position: number
) {
  const data = Buffer.from(base64, 'base64')
  return { position, mimeType, filename, bytes: data.length, data }
}
