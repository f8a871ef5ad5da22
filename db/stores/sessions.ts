import { checkpointsOf } from '../checkpoints.ts'
import type { Connection, Query, Schema } from '../connection.ts'
import { and, desc, eq, isNotNull, lte, max, sql } from '../drizzle.ts'
import type { SessionConfig, SessionRow, SessionStore } from '../types/sessions.ts'
import { discounting } from './analytics.ts'
import { sessionList } from './session-list.ts'

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
  const { query, schema, atomic, patched, without } = connection
  const { sessions, messages, queue, contexts, memory, readMarks } = schema
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
  const read = sql`excluded.message_id`
  const mark = query
    .insert(readMarks)
    .select(
      query
        .select({
          sessionId: messages.sessionId,
          principal: sql`${sql.placeholder('principal')}`.as('principal'),
          messageId: messages.id
        })
        .from(messages)
        .where(and(eq(messages.sessionId, id), lte(messages.id, sql.placeholder('upTo'))))
        .orderBy(desc(messages.id))
        .limit(1)
    )
    .onConflictDoUpdate({
      target: [readMarks.sessionId, readMarks.principal],
      set: { messageId: sql`case when ${read} > ${readMarks.messageId} then ${read} else ${readMarks.messageId} end` }
    })
    .prepare()
  const newest = query
    .select({ id: max(messages.id) })
    .from(messages)
    .where(eq(messages.sessionId, id))
  const begin = atomic((tx) => [
    tx
      .update(sessions)
      .set({
        historyFrom: sql`(${newest})`,
        // Another conversation gets another title, unless a person has given it.
        title: sql`case when ${sessions.titledBy} = 'person' then ${sessions.title} end`,
        titledBy: sql`case when ${sessions.titledBy} = 'person' then ${sessions.titledBy} end`
      })
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

    list: sessionList(connection),

    async update(id: string, changes): Promise<void> {
      await query.update(sessions).set(changes).where(eq(sessions.id, id)).execute()
    },

    async retitle(id: string, title: string): Promise<void> {
      const fromMessage = and(eq(sessions.id, id), eq(sessions.titledBy, 'message'))
      await query.update(sessions).set({ title, titledBy: 'model' }).where(fromMessage).execute()
    },

    async markRead(id: string, principal: string, upTo = Number.MAX_SAFE_INTEGER): Promise<void> {
      await mark.execute({ id, principal, upTo })
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
