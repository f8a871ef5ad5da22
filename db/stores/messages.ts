import type { Connection, Query } from '../connection.ts'
import { and, asc, desc, eq, getTableColumns, gt, gte, lt, lte, max, min, ne, sql } from '../drizzle.ts'
import type { MessageParts, StoredAttachment } from '../schema.sqlite.ts'
import { topicsOf } from '../topics.ts'
import { counting, dayOf, retallying, spent, tallying, trimming } from './analytics.ts'

type Row = Omit<Connection['schema']['messages']['$inferSelect'], 'tallied'>
type AttachmentRow = Connection['schema']['attachments']['$inferSelect']

/** A message with all that came with it. */
export type MessageRow = Row & { readonly attachments: readonly StoredAttachment[] }
/** A message to show: of its attachments everything but the data. `bytes` is the size of that. */
export type ShownMessage = Row & {
  readonly attachments: readonly (Omit<StoredAttachment, 'data'> & Pick<AttachmentRow, 'bytes'>)[]
}
export type NewMessage = Omit<Row, 'id' | 'parts' | 'status'> & Partial<Pick<MessageRow, 'parts' | 'status' | 'attachments'>>

export interface MessageQuery {
  /** Messages of users and assistants at the most. */
  readonly limit: number
  /** Bytes of text at the most, as stored: contents and parts together. The newest message is there however long it is. */
  readonly bytes: number
  /** The id of a message: only older ones. */
  readonly before?: number | undefined
}

export type MessageStore = ReturnType<typeof messageStore>

/** Longer names of tools are cut where they are counted: a model may make up any. */
const TOOL_NAME = 128

/** What is counted of a message by name, if anything. */
function talliedIn({ role, content, parts }: { role: Row['role']; content: string; parts: MessageParts | null }) {
  if (role === 'tool') return null
  // A call that could not be read was not run.
  const calls = (parts?.toolCalls ?? []).filter(({ invalid }) => invalid === undefined)
  const names = role === 'user' ? topicsOf(content) : calls.map(({ tool }) => tool.slice(0, TOOL_NAME))
  return names.length > 0 ? names : null
}

/** What was said in a session, in order. What analytics are made of is written with it. */
export function messageStore(connection: Connection) {
  const { query, schema, atomic } = connection
  const { messages, attachments, sessions } = schema
  const { tallied: _, ...shown } = getTableColumns(messages)
  const trim = trimming(connection)
  const ofSession = eq(messages.sessionId, sql.placeholder('sessionId'))
  const { messageId, mimeType, filename, bytes, data } = attachments

  /** What of the message is counted: nothing of what tools say. */
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

  /** The same with attachments, of which each message has another number. */
  const insertWith = (counts: Counts, files: readonly StoredAttachment[]) =>
    atomic((tx) => {
      // A run writes one message after the other: its newest is the one that was just inserted.
      const inserted = tx
        .select({ id: max(messages.id) })
        .from(messages)
        .where(and(ofSession, eq(messages.runId, sql.placeholder('runId'))))
      const rows = files.map(({ mimeType, filename = null, data: base64 }, position) => {
        const data = Buffer.from(base64, 'base64')
        return { messageId: sql`(${inserted})`, position, mimeType, filename, bytes: data.length, data }
      })
      return [...insertion(tx, counts), tx.insert(attachments).values(rows)]
    })

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
    .set({ status: 'partial' })
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
  const remembered = and(ofSession, gt(messages.id, sql`(${begun})`))
  const all = atomic((tx) => [
    tx.select(shown).from(messages).where(remembered).orderBy(asc(messages.id)),
    tx
      .select({ messageId, mimeType, filename, data })
      .from(attachments)
      .innerJoin(messages, eq(messages.id, messageId))
      .where(remembered)
      .orderBy(asc(messageId), asc(attachments.position))
  ])

  const before = lt(messages.id, sql.placeholder('before'))
  const newest = query
    .select({ id: messages.id })
    .from(messages)
    .where(and(ofSession, ne(messages.role, 'tool'), before))
    .orderBy(desc(messages.id))
    .limit(sql.placeholder('limit'))
    .as('newest')
  const size = sql`octet_length(${messages.content}) + coalesce(octet_length(${messages.parts}), 0)`
  const measured = query
    .select({
      id: messages.id,
      role: messages.role,
      /** From this row to the newest of the page. */
      bytes: sql<number>`sum(${size}) over (order by ${messages.id} desc)`.as('bytes')
    })
    .from(messages)
    .where(and(ofSession, before, gte(messages.id, query.select({ id: min(newest.id) }).from(newest))))
    .as('measured')
  const fitting = query
    .select({ id: min(measured.id) })
    .from(measured)
    .where(and(ne(measured.role, 'tool'), lte(measured.bytes, sql.placeholder('bytes'))))
  const first = sql`coalesce((${fitting}), (${query.select({ id: max(newest.id) }).from(newest)}))`
  const onPage = and(ofSession, before, gte(messages.id, first))
  const pageOf = atomic((tx) => [
    tx.select(shown).from(messages).where(onPage).orderBy(asc(messages.id)),
    tx
      .select({ messageId, mimeType, filename, bytes })
      .from(attachments)
      .innerJoin(messages, eq(messages.id, messageId))
      .where(onPage)
      .orderBy(asc(messageId), asc(attachments.position))
  ])

  return {
    /** Adds a message to a session that is there, with its attachments, and counts it, in one transaction. Answers its id. */
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

    /** Replaces what an answer that is still being written holds so far. */
    async update({ id, content, parts, status }: Pick<MessageRow, 'id' | 'content' | 'parts' | 'status'>): Promise<void> {
      await rewrite({ id, content, parts, status, tallied: talliedIn({ role: 'assistant', content, parts }) })
    },

    /** A run ends before its answer does: marks the newest message it has, an answer or else the question. */
    async cut(sessionId: string, runId: string): Promise<void> {
      await cutOff.execute({ sessionId, runId })
    },

    /**
     * The newest messages of users and assistants, oldest first, each assistant's with the answers of the tools it called;
     * none only when there are none. `before` is the id of the oldest message of the page after this one.
     */
    async page(sessionId: string, { limit, bytes, before = Number.MAX_SAFE_INTEGER }: MessageQuery): Promise<ShownMessage[]> {
      const [rows, files] = await pageOf({ sessionId, limit, bytes, before })
      return attached(rows, files, ({ bytes }) => ({ bytes }))
    },

    /** Everything of the conversation, in order: what a model has to see. Whatever was said before `sessions.renew` is not. */
    async history(sessionId: string): Promise<MessageRow[]> {
      const [rows, files] = await all({ sessionId })
      return attached(rows, files, ({ data }) => ({ data: data.toString('base64') }))
    }
  }
}

/** Gives each message its attachments, in their order. */
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
