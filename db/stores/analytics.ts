import type { SQL } from 'drizzle-orm'
import type { Connection, Query } from '../connection.ts'
import { and, asc, desc, eq, gt, gte, lt, max, sql, sum } from '../drizzle.ts'
import type { ActivityPage, ActivityQuery, AnalyticsStore, DayRow, Tally, TallyKind } from '../types/analytics.ts'

const DAY_MS = 86_400_000

/** Limit on the names of each kind that are kept of a past day: the most frequent ones. */
export const NAMES_KEPT = 50
/** The same limit for the current day, whose counts still grow. Between two checks there may be more names. */
export const NAMES_TODAY = 1000
/** Messages with names between two checks of these limits. */
export const TRIM_EVERY = 128

/** Day of a time in epoch milliseconds: days since 1970-01-01, UTC. */
export function dayOf(time: number): number {
  return Math.floor(time / DAY_MS)
}

/** Day of a message. No message is older than 1970. */
export const dayIn = (createdAt: unknown) => sql`${createdAt} / ${sql.raw(String(DAY_MS))}`

const added = ({ tallies }: Connection['schema']) => ({
  target: [tallies.kind, tallies.day, tallies.name],
  set: { count: sql`${tallies.count} + excluded.count` }
})

/**
 * Statements that count a message of a user or an assistant. They belong to the transaction that adds it, before its session counts it.
 * Placeholders: `sessionId`, `day`.
 */
export function counting(tx: Query, { sessions, days, sessionDays }: Connection['schema']) {
  const [sessionId, day] = [sql.placeholder('sessionId'), sql.placeholder('day')]
  const ofSession = eq(sessionDays.sessionId, sessionId)
  const that = tx
    .select({ day: sessionDays.day })
    .from(sessionDays)
    .where(and(ofSession, eq(sessionDays.day, day)))
  // The clock may have been set back, so a message may belong to a day before the session's newest one.
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

/** Statements that count the names of a new message. Placeholders: `kind`, `day`, `tallied`. */
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

/** Statement that adds the names of stored messages to the counts, or with -1 subtracts them. */
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

/** Statement that removes names with a count of zero. */
export function spent(tx: Query, { tallies }: Connection['schema']) {
  // Written as in the partial index: with a bound number the planner would not recognise it.
  return tx.delete(tallies).where(sql`${tallies.count} <= 0`)
}

/** Statements that subtract all messages of a session from the counts. They belong to the transaction that removes it, first in it. Placeholder: `id`. */
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
 * Statements that subtract the messages selected by `gone` from the counts. They belong to the transaction that deletes these messages,
 * first in it.
 */
export function purging(tx: Query, connection: Connection, gone: SQL) {
  const { sessions, messages, days, sessionDays } = connection.schema
  const counted = sql`${gone} and ${messages.role} <> 'tool'`
  const day = dayIn(messages.createdAt)
  // Messages of the session on that day: those before the next day with messages, without those before this day.
  const next = sql`select min(later.before) from ${sessionDays} later where later.session_id = g.session_id and later.day > g.day`
  const total = sql`select ${sessions.messageCount} from ${sessions} where ${sessions.id} = g.session_id`
  const earlier = sql`select this.before from ${sessionDays} this where this.session_id = g.session_id and this.day = g.day`
  const byDay = sql`select g.session_id, g.day, g.n, case when g.n >= coalesce((${next}), (${total})) - (${earlier}) then 1 else 0 end as emptied
    from (select ${messages.sessionId} as session_id, ${day} as day, count(*) as n from ${messages} where ${counted} group by 1, 2) g`
  return [
    tx
      .insert(days)
      .select(sql`select gone.day, -sum(gone.emptied), -sum(gone.n) from (${byDay}) gone group by gone.day`)
      .onConflictDoUpdate({
        target: days.day,
        set: { sessions: sql`${days.sessions} + excluded.sessions`, messages: sql`${days.messages} + excluded.messages` }
      }),
    tx.delete(days).where(lt(days.messages, 1)),
    retallying(tx, connection, gone, -1),
    spent(tx, connection.schema),
    tx
      .delete(sessionDays)
      .where(
        sql`(${sessionDays.sessionId}, ${sessionDays.day}) in (select gone.session_id, gone.day from (${byDay}) gone where gone.emptied = 1)`
      ),
    tx
      .update(sessionDays)
      .set({
        before: sql`${sessionDays.before} - (select count(*) from ${messages} where ${counted} and ${messages.sessionId} = ${sessionDays.sessionId} and ${day} < ${sessionDays.day})`
      })
      .where(sql`${sessionDays.sessionId} in (select ${messages.sessionId} from ${messages} where ${counted})`),
    tx
      .update(sessions)
      .set({
        messageCount: sql`${sessions.messageCount} - (select count(*) from ${messages} where ${counted} and ${messages.sessionId} = ${sessions.id})`
      })
      .where(sql`${sessions.id} in (select ${messages.sessionId} from ${messages} where ${counted})`)
  ] as const
}

/**
 * Limits the names of each day by removing rare ones: senders choose the words, and must not fill the database with them. The returned
 * function takes the day of each message with names, before the message is counted.
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

export function analyticsStore({
  query,
  schema: { sessions, days, sessionDays, tallies }
}: Connection): Pick<AnalyticsStore, 'days' | 'activity' | 'most'> {
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
  // The limit keeps it a subquery: merged into the outer query, the sum would be computed again at each use.
  const active = query
    .select({
      id: sessions.id,
      lastMessageAt: sql<number>`${sessions.lastMessageAt}`.as('last_message_at'),
      // 0 if the session has only tool results since.
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
    async days(from: number): Promise<DayRow[]> {
      return await sinceDay.execute({ from })
    },

    async activity({ from, sessions, limit, after }: ActivityQuery): Promise<ActivityPage> {
      const { lastMessageAt: at, createdAt, id } = after ?? { lastMessageAt: from * DAY_MS, createdAt: -1, id: '' }
      const [end] = await endOf.execute({ at, createdAt, id, offset: sessions - 1 })
      const rows = await topOf.execute({ at, createdAt, id, from, sessions, limit })
      return { top: rows.map(({ found, ...session }) => session), found: rows[0]?.found ?? 0, end }
    },

    async most(kind: TallyKind, from: number, limit: number): Promise<Tally[]> {
      return await most.execute({ kind, from, limit })
    }
  }
}
