import type { SQL } from 'drizzle-orm'
import type { Connection, Query } from '../connection.ts'
import { and, asc, desc, eq, gt, gte, lt, max, sql, sum } from '../drizzle.ts'
import type { TallyKind } from '../schema.sqlite.ts'

/** Days are UTC, since 1970-01-01. */
export type DayRow = Connection['schema']['days']['$inferSelect']

/** A session, and how many messages of users and assistants it has since a day. `lastMessageAt` is epoch milliseconds. */
export interface SessionActivity {
  readonly id: string
  readonly lastMessageAt: number
  readonly messages: number
}

/** Where in the order of their last activity a page of sessions ends. */
export interface PageEnd {
  readonly lastMessageAt: number
  readonly createdAt: number
  readonly id: string
}

export interface ActivityQuery {
  readonly from: number
  /** The most sessions to look at. */
  readonly sessions: number
  /** The most to answer. */
  readonly limit: number
  readonly after?: PageEnd | undefined
}

export interface ActivityPage {
  /** Those with the most messages. */
  readonly top: readonly SessionActivity[]
  /** How many have messages since that day. */
  readonly found: number
  /** Absent on the last page. */
  readonly end: PageEnd | undefined
}

export interface Tally {
  readonly name: string
  readonly count: number
}

export type AnalyticsStore = ReturnType<typeof analyticsStore>

const DAY_MS = 86_400_000

/** How many names of each kind are kept of a day that is over: those that came up most. */
export const NAMES_KEPT = 50
/** How many of the current one, which are still to show how often they come up; between two counts there may be more. */
export const NAMES_TODAY = 1000
/** After how many messages with names it is seen to it that there are not too many. */
export const TRIM_EVERY = 128

/** The day, since 1970-01-01 and in UTC, of a time in epoch milliseconds. */
export function dayOf(time: number): number {
  return Math.floor(time / DAY_MS)
}

/** What day a message is of; messages are never older than 1970. */
const dayIn = (createdAt: unknown) => sql`${createdAt} / ${sql.raw(String(DAY_MS))}`

const added = ({ tallies }: Connection['schema']) => ({
  target: [tallies.kind, tallies.day, tallies.name],
  set: { count: sql`${tallies.count} + excluded.count` }
})

/**
 * Counts a message of a user or an assistant. For the transaction that adds it, before its session counts it; `sessionId` and `day`
 * are to be given.
 */
export function counting(tx: Query, { sessions, days, sessionDays }: Connection['schema']) {
  const [sessionId, day] = [sql.placeholder('sessionId'), sql.placeholder('day')]
  const ofSession = eq(sessionDays.sessionId, sessionId)
  const that = tx
    .select({ day: sessionDays.day })
    .from(sessionDays)
    .where(and(ofSession, eq(sessionDays.day, day)))
  // The clock may have been put back: a message may be of a day before the session's newest one.
  const later = tx
    .select({ before: sessionDays.before })
    .from(sessionDays)
    .where(and(ofSession, gt(sessionDays.day, day)))
    .orderBy(asc(sessionDays.day))
    .limit(1)
  const earlier = sql<number>`coalesce(${later}, ${sessions.messageCount})`
  return [
    tx
      .insert(days)
      .values({ day, sessions: sql`case when exists ${that} then 0 else 1 end`, messages: 1 })
      .onConflictDoUpdate({
        target: days.day,
        set: { sessions: sql`${days.sessions} + excluded.sessions`, messages: sql`${days.messages} + 1` }
      }),
    tx
      .insert(sessionDays)
      .select(
        tx
          .select({ sessionId: sessions.id, day: sql<number>`${day}`.as('day'), before: earlier.as('before') })
          .from(sessions)
          .where(eq(sessions.id, sessionId))
      )
      .onConflictDoNothing(),
    tx
      .update(sessionDays)
      .set({ before: sql`${sessionDays.before} + 1` })
      .where(and(ofSession, gt(sessionDays.day, day)))
  ] as const
}

/** Counts the names of a message that is added: `kind`, `day` and `tallied` are to be given. */
export function tallying(tx: Query, { schema, texts }: Connection) {
  const [kind, day, tallied] = [sql.placeholder('kind'), sql.placeholder('day'), sql.placeholder('tallied')]
  const names = texts(sql`${sql.param(tallied, schema.messages.tallied)}`)
  return [
    tx
      .insert(schema.tallies)
      .select(sql`select ${kind}, ${day}, value, count(*) from ${names} where true group by value`)
      .onConflictDoUpdate(added(schema))
  ] as const
}

/** Counts the names of stored messages, once more or, with -1, once less. */
export function retallying(tx: Query, { schema, texts }: Connection, which: SQL, times: 1 | -1) {
  const { messages, tallies } = schema
  const kind = sql`case ${messages.role} when 'user' then 'topic' else 'tool' end`
  return tx
    .insert(tallies)
    .select(
      sql`select ${kind}, ${dayIn(messages.createdAt)}, value, ${sql.raw(String(times))} * count(*)
        from ${messages}, ${texts(messages.tallied)} where ${which} group by 1, 2, 3`
    )
    .onConflictDoUpdate(added(schema))
}

/** Forgets names that nothing is left of. */
export function spent(tx: Query, { tallies }: Connection['schema']) {
  // As the index has it: a number that is bound would not be seen to be the same.
  return tx.delete(tallies).where(sql`${tallies.count} <= 0`)
}

/** Takes off all that the messages of a session count for. For the transaction that removes it, before it does; `id` is to be given. */
export function discounting(tx: Query, connection: Connection) {
  const { messages, days } = connection.schema
  const ofSession = eq(messages.sessionId, sql.placeholder('id'))
  return [
    tx
      .insert(days)
      .select(
        sql`select ${dayIn(messages.createdAt)}, -1, -count(*) from ${messages} where ${ofSession} and ${messages.role} <> 'tool' group by 1`
      )
      .onConflictDoUpdate({
        target: days.day,
        set: { sessions: sql`${days.sessions} + excluded.sessions`, messages: sql`${days.messages} + excluded.messages` }
      }),
    tx.delete(days).where(lt(days.messages, 1)),
    retallying(tx, connection, ofSession, -1),
    spent(tx, connection.schema)
  ] as const
}

/**
 * Keeps few names of each day: what rarely came up is forgotten, so that nobody can fill the database with words. Call what it
 * answers with the day of each message that has names, before it is counted.
 */
export function trimming({ schema: { tallies }, atomic, query }: Connection) {
  const [kind, day] = [sql.placeholder('kind'), sql.placeholder('day')]
  const earlier = sql`${query
    .select({ day: max(tallies.day) })
    .from(tallies)
    .where(and(eq(tallies.kind, kind), lt(tallies.day, day)))}`
  const rare = (which: SQL, kept: number) =>
    atomic((tx) => {
      const ofDay = and(eq(tallies.kind, kind), eq(tallies.day, which))
      const frequent = tx
        .select({ name: tallies.name })
        .from(tallies)
        .where(ofDay)
        .orderBy(desc(tallies.count), asc(tallies.name))
        .limit(kept)
      return [tx.delete(tallies).where(and(ofDay, sql`${tallies.name} not in ${frequent}`))]
    })
  const current = rare(sql`${day}`, NAMES_TODAY)
  const over = rare(earlier, NAMES_KEPT)
  let newest = -1
  let messages = 0

  return async (day: number): Promise<void> => {
    const begins = day > newest
    newest = Math.max(newest, day)
    messages = (messages + 1) % TRIM_EVERY
    if (!begins && messages > 0) return
    for (const kind of ['tool', 'topic'] satisfies TallyKind[]) await (begins ? over : current)({ kind, day })
  }
}

/** What can be counted in the messages there are, kept with them. `from` is a day: that one and all since. */
export function analyticsStore({ query, schema: { sessions, days, sessionDays, tallies } }: Connection) {
  const from = sql.placeholder('from')
  const sinceDay = query.select().from(days).where(gte(days.day, from)).orderBy(asc(days.day)).prepare()

  const earlier = query
    .select({ before: sessionDays.before })
    .from(sessionDays)
    .where(and(eq(sessionDays.sessionId, sessions.id), gte(sessionDays.day, from)))
    .orderBy(asc(sessionDays.day))
    .limit(1)
  const order = [sessions.lastMessageAt, sessions.createdAt, sessions.id] as const
  const after = sql`(${sql.join([...order], sql`, `)}) > (${sql.placeholder('at')}, ${sql.placeholder('createdAt')}, ${sql.placeholder('id')})`
  const endOf = query
    .select({ lastMessageAt: sql<number>`${sessions.lastMessageAt}`, createdAt: sessions.createdAt, id: sessions.id })
    .from(sessions)
    .where(after)
    .orderBy(...order.map((column) => asc(column)))
    .limit(1)
    .offset(sql.placeholder('offset'))
    .prepare()
  // Its limit makes it a step of its own: merged into the query around it, the sum would be done anew wherever it is used there.
  const active = query
    .select({
      id: sessions.id,
      lastMessageAt: sql<number>`${sessions.lastMessageAt}`.as('last_message_at'),
      // None when only tools have spoken since.
      messages: sql<number>`${sessions.messageCount} - coalesce(${earlier}, ${sessions.messageCount})`.as('messages')
    })
    .from(sessions)
    .where(after)
    .orderBy(...order.map((column) => asc(column)))
    .limit(sql.placeholder('sessions'))
    .as('active')
  const topOf = query
    .select({
      id: active.id,
      lastMessageAt: active.lastMessageAt,
      messages: active.messages,
      found: sql<number>`count(*) over ()`
    })
    .from(active)
    .where(gt(active.messages, 0))
    .orderBy(desc(active.messages), desc(active.lastMessageAt), asc(active.id))
    .limit(sql.placeholder('limit'))
    .prepare()

  const total = sum(tallies.count).mapWith(Number)
  const most = query
    .select({ name: tallies.name, count: total })
    .from(tallies)
    .where(and(eq(tallies.kind, sql.placeholder('kind')), gte(tallies.day, from)))
    .groupBy(tallies.name)
    .orderBy(desc(total), asc(tallies.name))
    .limit(sql.placeholder('limit'))
    .prepare()

  return {
    /** Days with messages, oldest first. */
    async days(from: number): Promise<DayRow[]> {
      return await sinceDay.execute({ from })
    },

    /** Sessions with activity, that which was longest ago first: one that gets a message meanwhile is on a later page. */
    async activity({ from, sessions, limit, after }: ActivityQuery): Promise<ActivityPage> {
      const { lastMessageAt: at, createdAt, id } = after ?? { lastMessageAt: from * DAY_MS, createdAt: -1, id: '' }
      const [end] = await endOf.execute({ at, createdAt, id, offset: sessions - 1 })
      const rows = await topOf.execute({ at, createdAt, id, from, sessions, limit })
      return { top: rows.map(({ found, ...session }) => session), found: rows[0]?.found ?? 0, end }
    },

    /** The names that came up most. */
    async most(kind: TallyKind, from: number, limit: number): Promise<Tally[]> {
      return await most.execute({ kind, from, limit })
    }
  }
}
