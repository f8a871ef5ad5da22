import type { Connection } from '../connection.ts'
import { and, count, desc, eq, sql } from '../drizzle.ts'

export type SessionRow = Connection['schema']['sessions']['$inferSelect']

export interface SessionQuery {
  readonly frontend?: string | undefined
  /** Only sessions with one of these ids. */
  readonly ids?: readonly string[] | undefined
  readonly limit: number
  readonly offset: number
}

export type SessionStore = ReturnType<typeof sessionStore>

/** Conversations. All times are epoch milliseconds. */
export function sessionStore({ query, schema: { sessions }, atomic, oneOf }: Connection) {
  const byId = eq(sessions.id, sql.placeholder('id'))
  const insert = query
    .insert(sessions)
    .values({
      id: sql.placeholder('id'),
      frontend: sql.placeholder('frontend'),
      userId: sql.placeholder('userId'),
      createdAt: sql.placeholder('now')
    })
    .onConflictDoNothing()
    .returning({ id: sessions.id })
    .prepare()
  const find = query.select().from(sessions).where(byId).prepare()
  const drop = query.delete(sessions).where(byId).returning({ id: sessions.id }).prepare()

  return {
    /** Makes the session unless it is there. `id` is `<frontend>:<user id>`; the first colon parts the two. */
    async open(id: string, now: number): Promise<{ created: boolean }> {
      const colon = id.indexOf(':')
      const rows = await insert.execute({ id, frontend: id.slice(0, colon), userId: id.slice(colon + 1), now })
      return { created: rows.length > 0 }
    },

    async get(id: string): Promise<SessionRow | undefined> {
      const [row] = await find.execute({ id })
      return row
    },

    /** Latest message first, those without one last; `total` counts before paging. */
    async list({ frontend, ids, limit, offset }: SessionQuery): Promise<{ rows: SessionRow[]; total: number }> {
      const wanted = and(frontend === undefined ? undefined : eq(sessions.frontend, frontend), ids && oneOf(sessions.id, ids))
      const [rows, [counted]] = await atomic((tx) => [
        tx
          .select()
          .from(sessions)
          .where(wanted)
          .orderBy(sql`${sessions.lastMessageAt} desc nulls last`, desc(sessions.createdAt), desc(sessions.id))
          .limit(limit)
          .offset(offset),
        tx.select({ total: count() }).from(sessions).where(wanted)
      ])()
      return { rows, total: counted?.total ?? 0 }
    },

    /** Removes the session with its messages, runs and artifacts, which refer to it. `false`: there was none. */
    async remove(id: string): Promise<boolean> {
      const rows = await drop.execute({ id })
      return rows.length > 0
    }
  }
}
