import type { SQL } from 'drizzle-orm'
import type { Connection, Query } from '../connection.ts'
import { and, asc, count, desc, eq, getTableColumns, gt, gte, lt, lte, max, min, ne, or, sql } from '../drizzle.ts'
import type { ForwardQuery, MessageQuery, MessageRow, MessageStore, RecentMessages, ShownMessage } from '../types/messages.ts'

type Row = Omit<MessageRow, 'attachments'>
type AttachmentRow = Connection['schema']['attachments']['$inferSelect']

/** Reading of messages: pages for people, the conversation for models. */
export function messagePages(connection: Connection): Pick<MessageStore, 'page' | 'pageFrom' | 'ends' | 'history' | 'recent'> {
  const { query, schema, atomic } = connection
  const { messages, attachments, sessions } = schema
  const { tallied: _, ...shown } = getTableColumns(messages)
  const ofSession = eq(messages.sessionId, sql.placeholder('sessionId'))
  const { messageId, mimeType, filename, bytes, data } = attachments

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
  const showing = (which: SQL | undefined) =>
    atomic((tx) => [
      tx.select(shown).from(messages).where(which).orderBy(asc(messages.id)),
      tx
        .select({ messageId, position: attachments.position, mimeType, filename, bytes })
        .from(attachments)
        .innerJoin(messages, eq(messages.id, messageId))
        .where(which)
        .orderBy(asc(messageId), asc(attachments.position))
    ])
  const pageOf = showing(onPage)

  const spoken = and(ofSession, ne(messages.role, 'tool'))
  /** One of the messages of users and assistants from `from` on. */
  const spokenFrom = (offset: number | ReturnType<typeof sql.placeholder>) =>
    query
      .select({ id: messages.id })
      .from(messages)
      .where(and(spoken, gte(messages.id, sql.placeholder('from'))))
      .orderBy(asc(messages.id))
      .limit(1)
      .offset(offset)
  const first = sql`(${spokenFrom(0)})`
  const end = sql`coalesce((${spokenFrom(sql.placeholder('limit'))}), ${sql.raw(String(Number.MAX_SAFE_INTEGER))})`
  /** Each message of a user or an assistant begins a block, which has the results of its tools. */
  const blocks = query
    .select({
      id: messages.id,
      block: sql<number>`sum(case ${messages.role} when 'tool' then 0 else 1 end) over (order by ${messages.id})`.as('block'),
      /** Sum from the first row to this one. */
      bytes: sql<number>`sum(${size}) over (order by ${messages.id})`.as('bytes')
    })
    .from(messages)
    .where(and(ofSession, gte(messages.id, first), lt(messages.id, end)))
    .as('blocks')
  // The first block is on the page whatever its size.
  const fitting = query
    .select({ last: max(blocks.id).as('last') })
    .from(blocks)
    .groupBy(sql`${blocks.block}`)
    .having(or(eq(blocks.block, 1), lte(max(blocks.bytes), sql.placeholder('bytes'))))
    .as('fitting')
  const last = query.select({ id: max(fitting.last) }).from(fitting)
  const pageFrom = showing(and(ofSession, gte(messages.id, first), lte(messages.id, sql`(${last})`)))

  const oldest = query.select({ id: messages.id }).from(messages).where(spoken).orderBy(asc(messages.id)).limit(1).prepare()
  const newest = query.select({ id: messages.id }).from(messages).where(spoken).orderBy(desc(messages.id)).limit(1).prepare()

  const firstRecent = firstFitting(inHistory)
  const recent = atomic((tx) => [
    ...reading(tx, and(ofSession, gte(messages.id, firstRecent))),
    tx
      .select({ n: count() })
      .from(messages)
      .where(and(ofSession, inHistory, ne(messages.role, 'tool'), lt(messages.id, firstRecent)))
  ])

  return {
    async page(sessionId: string, { limit, bytes, before = Number.MAX_SAFE_INTEGER }: MessageQuery): Promise<ShownMessage[]> {
      const [rows, files] = await pageOf({ sessionId, limit, bytes, before })
      return attached(rows, files, ({ messageId, position, bytes }) => ({ id: `${messageId}-${position}`, bytes }))
    },

    async pageFrom(sessionId: string, { limit, bytes, from }: ForwardQuery): Promise<ShownMessage[]> {
      const [rows, files] = await pageFrom({ sessionId, limit, bytes, from })
      return attached(rows, files, ({ messageId, position, bytes }) => ({ id: `${messageId}-${position}`, bytes }))
    },

    async ends(sessionId: string): Promise<{ first: number; last: number } | undefined> {
      const [[first], [last]] = [await oldest.execute({ sessionId }), await newest.execute({ sessionId })]
      return first && last && { first: first.id, last: last.id }
    },

    async history(sessionId: string): Promise<MessageRow[]> {
      const [rows, files] = await all({ sessionId })
      return attached(rows, files, ({ data }) => ({ data: data.toString('base64') }))
    },

    async recent(sessionId: string, { limit, bytes }: Omit<MessageQuery, 'before'>): Promise<RecentMessages> {
      const [rows, files, [left]] = await recent({ sessionId, limit, bytes })
      return { messages: attached(rows, files, ({ data }) => ({ data: data.toString('base64') })), omitted: left?.n ?? 0 }
    }
  }
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
