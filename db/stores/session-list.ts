import type { SQLWrapper } from 'drizzle-orm'
import type { Connection } from '../connection.ts'
import { and, asc, count, desc, eq, getTableColumns, gte, lt, not, sql } from '../drizzle.ts'
import type { ListedSession, SessionQuery } from '../types/sessions.ts'

/** Characters of the newest text. */
const PREVIEW = 160
/** Limit on the counted unread messages of one session. */
const MAX_UNREAD = 100

/** Listing of sessions. What a row shows of other tables is read for the rows of the page alone. */
export function sessionList({ schema, atomic, oneOf, contains }: Connection) {
  const { sessions, messages, contexts, readMarks } = schema
  const { tokens, contextWindow } = contexts
  const ofSession = sql`${messages.sessionId} = ${sessions.id}`
  const preview = sql<string | null>`(select substr(${messages.content}, 1, ${sql.raw(`${PREVIEW}`)}) from ${messages}
    where ${ofSession} and ${messages.role} <> 'tool' and ${messages.content} <> '' order by ${messages.id} desc limit 1)`
  const unread = sql<number>`(select count(*) from (select 1 from ${messages}
    where ${ofSession} and ${messages.id} > coalesce(${readMarks.messageId}, 0) and ${messages.role} = 'assistant'
    limit ${sql.raw(`${MAX_UNREAD}`)}) unread)`.mapWith(Number)

  // Written as in the partial indexes: with a bound value the planner would not recognise them.
  const is = (column: SQLWrapper, wanted: boolean | undefined) =>
    wanted === undefined ? undefined : wanted ? sql`${column}` : sql`not ${column}`

  const matching = ({ frontend, ids, except, archived, pinned, since, until, text }: SessionQuery) =>
    and(
      frontend === undefined ? undefined : eq(sessions.frontend, frontend),
      ids && oneOf(sessions.id, ids),
      except && not(oneOf(sessions.id, except)),
      is(sessions.archived, archived),
      is(sessions.pinned, pinned),
      since === undefined ? undefined : gte(sessions.lastMessageAt, since),
      until === undefined ? undefined : lt(sessions.lastMessageAt, until),
      text === undefined ? undefined : contains(sessions.title, text)
    )
  const sorts = {
    lastMessageAt: sessions.lastMessageAt,
    createdAt: sessions.createdAt,
    title: sessions.title,
    messageCount: sessions.messageCount,
    tokens: sql`${sessions.inputTokens} + ${sessions.outputTokens}`
  }
  const ordered = ({ sort = 'lastMessageAt', ascending = false }: SessionQuery) =>
    ascending
      ? [sql`${sorts[sort]} asc nulls first`, asc(sessions.createdAt), asc(sessions.id)]
      : [sql`${sorts[sort]} desc nulls last`, desc(sessions.createdAt), desc(sessions.id)]

  return async (wanted: SessionQuery): Promise<{ rows: ListedSession[]; total: number }> => {
    const where = matching(wanted)
    const order = ordered(wanted)
    const { principal = '', limit, offset } = wanted
    const [rows, [counted]] = await atomic((tx) => {
      const page = tx
        .select({ id: sessions.id })
        .from(sessions)
        .where(where)
        .orderBy(...order)
        .limit(limit)
        .offset(offset)
        .as('page')
      return [
        tx
          .select({ ...getTableColumns(sessions), preview, unread, contextTokens: tokens, contextWindow })
          .from(page)
          .innerJoin(sessions, eq(sessions.id, page.id))
          .leftJoin(contexts, eq(contexts.sessionId, sessions.id))
          .leftJoin(readMarks, and(eq(readMarks.sessionId, sessions.id), eq(readMarks.principal, principal)))
          .orderBy(...order),
        tx.select({ total: count() }).from(sessions).where(where)
      ]
    })()
    return { rows, total: counted?.total ?? 0 }
  }
}
