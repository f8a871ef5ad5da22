import { checkpointsOf } from '../checkpoints.ts'
import type { Connection, Query, Schema } from '../connection.ts'
import { and, count, desc, eq, isNotNull, max, sql } from '../drizzle.ts'
import type { SessionConfig } from '../schema.sqlite.ts'
import { discounting } from './analytics.ts'

export type SessionRow = Connection['schema']['sessions']['$inferSelect']

export interface SessionQuery {
  readonly frontend?: string | undefined
  /** Only sessions with one of these ids. */
  readonly ids?: readonly string[] | undefined
  readonly limit: number
  readonly offset: number
}

export type SessionStore = ReturnType<typeof sessionStore>

/** Makes the session of `opened` unless it is there. */
export function opening(tx: Query, { sessions }: Schema) {
  return tx
    .insert(sessions)
    .values({
      id: sql.placeholder('sessionId'),
      frontend: sql.placeholder('frontend'),
      userId: sql.placeholder('userId'),
      createdAt: sql.placeholder('createdAt')
    })
    .onConflictDoNothing()
}

/** What `opening` is given. The first colon of the id, which is `<frontend>:<user id>`, parts the two. */
export function opened(sessionId: string, createdAt: number) {
  const colon = sessionId.indexOf(':')
  return { sessionId, frontend: sessionId.slice(0, colon), userId: sessionId.slice(colon + 1), createdAt }
}

/** Conversations. All times are epoch milliseconds. */
export function sessionStore(connection: Connection) {
  const { query, schema, atomic, oneOf, patched, without } = connection
  const { sessions, messages, queue, contexts, memory } = schema
  const id = sql.placeholder('id')
  const byId = eq(sessions.id, id)
  const insert = opening(query, schema).returning({ id: sessions.id }).prepare()
  const find = query.select().from(sessions).where(byId).prepare()
  const set = atomic((tx) => [
    opening(tx, schema),
    tx
      .update(sessions)
      .set({ config: patched(sessions.config, sql`${sql.param(sql.placeholder('settings'), sessions.config)}`) })
      .where(byId)
  ])
  const unset = atomic((tx) => [
    tx
      .update(sessions)
      .set({ config: without(sessions.config, sql.placeholder('setting')) })
      .where(byId)
  ])
  const newest = query
    .select({ id: max(messages.id) })
    .from(messages)
    .where(eq(messages.sessionId, id))
  const begin = atomic((tx) => [
    tx
      .update(sessions)
      .set({ historyFrom: sql`(${newest})` })
      .where(byId),
    tx.delete(contexts).where(eq(contexts.sessionId, id))
  ])
  const drop = atomic((tx) => [
    ...discounting(tx, connection),
    tx.delete(sessions).where(byId).returning({ id: sessions.id }),
    tx.delete(queue).where(and(eq(queue.sessionId, id), isNotNull(queue.endedAt))),
    tx.delete(memory).where(eq(memory.namespace, sql.placeholder('checkpoints')))
  ])

  return {
    /** Makes the session unless it is there. `id` is `<frontend>:<user id>`; the first colon parts the two. */
    async open(id: string, now: number): Promise<{ created: boolean }> {
      const rows = await insert.execute(opened(id, now))
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

    /** Sets this for a session, which is made unless it is there. What else is set stays as it is, also inside `queue`. */
    async configure(id: string, settings: SessionConfig, now: number): Promise<void> {
      await set({ ...opened(id, now), id, settings })
    },

    /** Takes back one setting of a session. */
    async unset(id: string, setting: keyof SessionConfig): Promise<void> {
      await unset({ id, setting })
    },

    /** A new conversation begins: what was said so far is kept to be shown, and is not history any more. */
    async renew(id: string): Promise<void> {
      await begin({ id })
    },

    /**
     * Removes the session with its messages, runs and artifacts, which refer to it, its checkpoints and what the queue remembers of
     * it, in one transaction. What waits in the queue stays: it was accepted after the removal was asked for. `false`: there was none.
     */
    async remove(id: string): Promise<boolean> {
      const [, , , , rows] = await drop({ id, checkpoints: checkpointsOf(id) })
      return rows.length > 0
    }
  }
}
