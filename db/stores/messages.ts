import type { SQL } from 'drizzle-orm'
import type { Connection, Query } from '../connection.ts'
import { and, asc, count, desc, eq, getTableColumns, gt, gte, lt, lte, max, min, ne, sql } from '../drizzle.ts'
import { topicsOf } from '../topics.ts'
import type {
  FilePlace,
  MessageParts,
  MessageQuery,
  MessageRow,
  MessageStore,
  NewMessage,
  RecentMessages,
  ShownMessage,
  StoredAttachment
} from '../types/messages.ts'
import { counting, dayOf, purging, retallying, spent, tallying, trimming } from './analytics.ts'

/** Takes a few milliseconds. */
const PURGED_AT_ONCE = 200

type Row = Omit<MessageRow, 'attachments'>
type AttachmentRow = Connection['schema']['attachments']['$inferSelect']

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
  const { tallied: _, ...shown } = getTableColumns(messages)
  const trim = trimming(connection)
  const ofSession = eq(messages.sessionId, sql.placeholder('sessionId'))
  const { messageId, mimeType, filename, bytes, data } = attachments

  /** Counted part of a message. Tool results are not counted. */
  type Counts = 'nothing' | 'message' | 'names'
  const createdAt = sql.placeholder('createdAt')
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

  const at = ({ messageId: id, position }: FilePlace) => and(eq(messageId, id), eq(attachments.position, position))
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
    spent(tx, schema)
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

  const begun = query
    .select({ id: sql`coalesce(${sessions.historyFrom}, 0)` })
    .from(sessions)
    .where(eq(sessions.id, sql.placeholder('sessionId')))
  const inHistory = gt(messages.id, sql`(${begun})`)
  const reading = (tx: Query, which: SQL | undefined) =>
    [
      tx.select(shown).from(messages).where(which).orderBy(asc(messages.id)),
      tx
        .select({ messageId, mimeType, filename, data })
        .from(attachments)
        .innerJoin(messages, eq(messages.id, messageId))
        .where(which)
        .orderBy(asc(messageId), asc(attachments.position))
    ] as const
  const all = atomic((tx) => [...reading(tx, and(ofSession, inHistory))])

  const size = sql`octet_length(${messages.content}) + coalesce(octet_length(${messages.parts}), 0)`
  /** Id of the first of the newest messages that fit `limit` and `bytes`, of those for which `within` holds. */
  const firstFitting = (within: SQL) => {
    const newest = query
      .select({ id: messages.id })
      .from(messages)
      .where(and(ofSession, ne(messages.role, 'tool'), within))
      .orderBy(desc(messages.id))
      .limit(sql.placeholder('limit'))
      .as('newest')
    const measured = query
      .select({
        id: messages.id,
        role: messages.role,
        /** Sum from this row to the newest one. */
        bytes: sql<number>`sum(${size}) over (order by ${messages.id} desc)`.as('bytes')
      })
      .from(messages)
      .where(and(ofSession, within, gte(messages.id, query.select({ id: min(newest.id) }).from(newest))))
      .as('measured')
    const fitting = query
      .select({ id: min(measured.id) })
      .from(measured)
      .where(and(ne(measured.role, 'tool'), lte(measured.bytes, sql.placeholder('bytes'))))
    return sql`coalesce((${fitting}), (${query.select({ id: max(newest.id) }).from(newest)}))`
  }

  const before = lt(messages.id, sql.placeholder('before'))
  const onPage = and(ofSession, before, gte(messages.id, firstFitting(before)))
  const pageOf = atomic((tx) => [
    tx.select(shown).from(messages).where(onPage).orderBy(asc(messages.id)),
    tx
      .select({ messageId, position: attachments.position, mimeType, filename, bytes })
      .from(attachments)
      .innerJoin(messages, eq(messages.id, messageId))
      .where(onPage)
      .orderBy(asc(messageId), asc(attachments.position))
  ])

  const firstRecent = firstFitting(inHistory)
  const recent = atomic((tx) => [
    ...reading(tx, and(ofSession, gte(messages.id, firstRecent))),
    tx
      .select({ n: count() })
      .from(messages)
      .where(and(ofSession, inHistory, ne(messages.role, 'tool'), lt(messages.id, firstRecent)))
  ])

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
    async append({ parts = null, status = 'complete', attachments = [], ...message }: NewMessage): Promise<number> {
      const tallied = talliedIn({ ...message, parts })
      const counts = message.role === 'tool' ? 'nothing' : tallied === null ? 'message' : 'names'
      const day = dayOf(message.createdAt)
      if (tallied !== null) await trim(day)
      const write = attachments.length === 0 ? insert[counts] : insertWith(counts, attachments)
      const kind = message.role === 'user' ? 'topic' : 'tool'
      const [[row]] = await write({ ...message, parts, status, tallied, day, kind })
      return row!.id
    },

    async update({ id, content, parts, status }: Pick<MessageRow, 'id' | 'content' | 'parts' | 'status'>): Promise<void> {
      await rewrite({ id, content, parts, status, tallied: talliedIn({ role: 'assistant', content, parts }) })
    },

    async attach(id: number, files: readonly StoredAttachment[]): Promise<void> {
      if (files.length === 0) return
      const next = query
        .select({ n: sql<number>`coalesce(max(${attachments.position}), -1)` })
        .from(attachments)
        .where(eq(messageId, id))
      const [last] = await next.execute()
      const first = Number(last!.n) + 1
      await query
        .insert(attachments)
        .values(files.map((file, index) => ({ messageId: id, ...rowOf(file, first + index) })))
        .execute()
    },

    async file(place: FilePlace) {
      const [row] = await query.select({ mimeType, filename, bytes }).from(attachments).where(at(place)).execute()
      return row
    },

    async part({ start, length, ...place }: FilePlace & { readonly start: number; readonly length: number }) {
      const [row] = await query
        .select({ part: sql<Buffer>`substr(${data}, ${start + 1}, ${length})` })
        .from(attachments)
        .where(at(place))
        .execute()
      return row?.part
    },

    async cut(sessionId: string, runId: string, unanswered?: MessageParts['unanswered']): Promise<void> {
      await cutOff.execute({ sessionId, runId, parts: unanswered === undefined ? null : { unanswered } })
    },

    async page(sessionId: string, { limit, bytes, before = Number.MAX_SAFE_INTEGER }: MessageQuery): Promise<ShownMessage[]> {
      const [rows, files] = await pageOf({ sessionId, limit, bytes, before })
      return attached(rows, files, ({ messageId, position, bytes }) => ({ id: `${messageId}-${position}`, bytes }))
    },

    async history(sessionId: string): Promise<MessageRow[]> {
      const [rows, files] = await all({ sessionId })
      return attached(rows, files, ({ data }) => ({ data: data.toString('base64') }))
    },

    async purge(before: number): Promise<number> {
      // By id, which rises with time: without an index on the time, finding that nothing is old enough would read every message.
      const [end] = await lastOldest.execute()
      if (end?.id == null) return 0
      const [, , , , , , , rows] = await purgeOf({ last: end.id, before })
      return rows.length
    },

    async recent(sessionId: string, { limit, bytes }: Omit<MessageQuery, 'before'>): Promise<RecentMessages> {
      const [rows, files, [left]] = await recent({ sessionId, limit, bytes })
      return { messages: attached(rows, files, ({ data }) => ({ data: data.toString('base64') })), omitted: left?.n ?? 0 }
    }
  }
}

function rowOf(
  { mimeType, filename = null, data: base64 }: Omit<StoredAttachment, 'filename'> & { filename?: string | null },
  position: number
) {
  const data = Buffer.from(base64, 'base64')
  return { position, mimeType, filename, bytes: data.length, data }
}

/** Adds its attachments to each message, in their order. */
function attached<F extends Pick<AttachmentRow, 'messageId' | 'mimeType' | 'filename'>, T>(
  rows: readonly Row[],
  files: readonly F[],
  rest: (file: F) => T
) {
  const ofMessage = Map.groupBy(files, ({ messageId }) => messageId)
  return rows.map((row) => ({
    ...row,
    attachments: (ofMessage.get(row.id) ?? []).map((file) => ({
      mimeType: file.mimeType,
      ...(file.filename === null ? {} : { filename: file.filename }),
      ...rest(file)
    }))
  }))
}
