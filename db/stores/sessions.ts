import { checkpointsOf } from '../checkpoints.ts'
import type { Connection, Query, Schema } from '../connection.ts'
import { and, count, desc, eq, isNotNull, max, sql } from '../drizzle.ts'
import type { SessionConfig, SessionQuery, SessionRow, SessionStore } from '../types/sessions.ts'
import { discounting } from './analytics.ts'

/** Statement that creates a session unless it exists. Takes the values of `opened`. */
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

/** Values of `opening`. The id is `<frontend>:<user id>`, split at the first colon. */
export function opened(sessionId: string, createdAt: number) {
  const colon = sessionId.indexOf(':')
  return { sessionId, frontend: sessionId.slice(0, colon), userId: sessionId.slice(colon + 1), createdAt }
}

export function sessionStore(connection: Connection): SessionStore {
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
    async open(id: string, now: number): Promise<{ created: boolean }> {
      const rows = await insert.execute(opened(id, now))
      return { created: rows.length > 0 }
    },

    async get(id: string): Promise<SessionRow | undefined> {
      const [row] = await find.execute({ id })
      return row
    },

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

    async configure(id: string, settings: SessionConfig, now: number): Promise<void> {
      await set({ ...opened(id, now), id, settings })
    },

    async unset(id: string, setting: keyof SessionConfig): Promise<void> {
      await unset({ id, setting })
    },

    async paused(): Promise<string[]> {
      // Read at a start only. Both dialects store JSON in their own way, so the text is just a first filter.
      const rows = await query
        .select({ id: sessions.id, config: sessions.config })
        .from(sessions)
        .where(sql`cast(${sessions.config} as text) like '%"paused"%'`)
        .execute()
      return rows.filter(({ config }) => config.paused === true).map(({ id }) => id)
    },

    async renew(id: string): Promise<void> {
      await begin({ id })
    },

    async remove(id: string): Promise<boolean> {
      const [, , , , rows] = await drop({ id, checkpoints: checkpointsOf(id) })
      return rows.length > 0
    }
  }
}
