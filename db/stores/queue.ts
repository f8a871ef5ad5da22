import type { Connection, Query } from '../connection.ts'
import { and, asc, desc, eq, getTableColumns, inArray, isNotNull, isNull, lt, max, ne, or, sql } from '../drizzle.ts'
import type { StoredReply } from '../schema.sqlite.ts'
import { type NewPost, postOf } from './outbox.ts'
import type { RunEnd } from './runs.ts'
import { opened, opening } from './sessions.ts'

type Row = Connection['schema']['queue']['$inferSelect']

/** A message, without its body. */
export type QueueRow = Omit<Row, 'seq' | 'body'>
export type QueueState = Row['state']

export interface NewQueueRow
  extends Pick<Row, 'id' | 'sessionId' | 'owner' | 'priority' | 'policy' | 'preview' | 'acceptedAt' | 'body'> {
  /** A second message of the session and its owner with the same key is the first one again. */
  readonly idempotencyKey?: string | undefined
  /** Where its answer goes; absent: to whoever waits for it. */
  readonly reply?: StoredReply | undefined
}

export interface QueueClaim {
  readonly sessionId: string
  readonly runId: string
  readonly ids: readonly string[]
  readonly now: number
}

/** `outcome` is any JSON. */
export interface QueueEnd {
  readonly id: string
  readonly state: Exclude<QueueState, 'queued' | 'running'>
  readonly outcome: unknown
  /** What is to be said of it on its channel. */
  readonly post?: NewPost | undefined
}

export interface QueueSettlement {
  readonly ends: readonly QueueEnd[]
  readonly run?: RunEnd | undefined
  readonly now: number
}

export interface QueueResolution {
  /** Wait again. */
  readonly requeue: readonly string[]
  readonly ends: readonly QueueEnd[]
  readonly now: number
}

/** Takes some milliseconds; a hundred thousand at once would stop the gateway for a second. */
const PURGED_AT_ONCE = 1000

export type QueueStore = ReturnType<typeof queueStore>

/** Where only the run ends, and where only the message does: the other one's statement finds nothing to change. */
const NO_MESSAGE = { id: null, state: null, outcome: null }
const NO_RUN = { id: null, status: null, endedAt: null }
const NO_POST = { channel: null, conversation: null, context: null, text: null, createdAt: null, dueAt: null }
const NO_DETAILS = { inputTokens: 0, outputTokens: 0, provider: null, model: null, errorCode: null, errorMessage: null }

/**
 * Messages from their acceptance to their end, which is one and stands, and the runs that begin and end with them. What is
 * accepted, claimed and settled is committed in groups.
 */
export function queueStore({ query, schema, atomic, grouped, oneOf }: Connection) {
  const { queue, runs, messages, outbox } = schema
  const { seq, body, ...shown } = getTableColumns(queue)
  const placed = sql.placeholder
  const byId = eq(queue.id, placed('id'))
  const open = isNull(queue.endedAt)
  const running = eq(runs.status, 'running')

  const insert = grouped((tx) => [
    opening(tx, schema),
    tx
      .insert(queue)
      .values({
        id: placed('id'),
        sessionId: placed('sessionId'),
        owner: placed('owner'),
        priority: placed('priority'),
        policy: placed('policy'),
        preview: placed('preview'),
        state: 'queued',
        acceptedAt: placed('acceptedAt'),
        idempotencyKey: placed('idempotencyKey'),
        reply: placed('reply'),
        body: placed('body')
      })
      .onConflictDoNothing()
      .returning({ id: queue.id }),
    tx
      .select({ id: queue.id })
      .from(queue)
      .where(
        // The session stands twice so that each half is read from an index of its own.
        or(
          and(
            eq(queue.sessionId, placed('sessionId')),
            eq(queue.owner, placed('owner')),
            eq(queue.idempotencyKey, placed('idempotencyKey'))
          ),
          and(byId, eq(queue.sessionId, placed('sessionId')))
        )
      )
  ])

  const take = grouped((tx) => [
    opening(tx, schema),
    tx
      .insert(runs)
      .select(
        tx
          .select({
            id: sql`${placed('runId')}`.as('id'),
            sessionId: queue.sessionId,
            principal: queue.owner,
            status: sql`'running'`.as('status'),
            createdAt: queue.acceptedAt,
            startedAt: sql`${placed('now')}`.as('started_at'),
            endedAt: sql`null`.as('ended_at'),
            inputTokens: sql`0`.as('input_tokens'),
            outputTokens: sql`0`.as('output_tokens'),
            provider: sql`null`.as('provider'),
            model: sql`null`.as('model'),
            errorCode: sql`null`.as('error_code'),
            errorMessage: sql`null`.as('error_message')
          })
          .from(queue)
          .where(and(byId, open))
      )
      .onConflictDoNothing(),
    tx
      .update(queue)
      .set({ state: 'running', runId: sql`${placed('runId')}`, attempts: sql`${queue.attempts} + 1` })
      .where(and(byId, open))
  ])

  /** The end of a message. What was dropped was never answered: the same may be sent again. */
  const ending = {
    state: sql`${placed('state')}`,
    endedAt: sql`${placed('now')}`,
    outcome: sql`${sql.param(placed('outcome'), queue.outcome)}`,
    idempotencyKey: sql`case ${placed('state')} when 'dropped' then null else ${queue.idempotencyKey} end`,
    body: null
  }
  const finishing = (tx: Query) => [
    tx.update(queue).set(ending).where(and(byId, open)),
    tx
      .update(runs)
      .set({
        status: sql`${placed('status')}`,
        endedAt: sql`${placed('endedAt')}`,
        inputTokens: sql`${placed('inputTokens')}`,
        outputTokens: sql`${placed('outputTokens')}`,
        provider: sql`${placed('provider')}`,
        model: sql`${placed('model')}`,
        errorCode: sql`${placed('errorCode')}`,
        errorMessage: sql`${placed('errorMessage')}`
      })
      .where(and(eq(runs.id, placed('runId')), running))
  ]
  const finish = grouped(finishing)
  /** Before the end of the message, which has only one: nothing is said of it twice. */
  const finishAndPost = grouped((tx) => [
    tx.insert(outbox).select(
      tx
        .select({
          id: sql`null`.as('id'),
          channel: sql`${placed('channel')}`.as('channel'),
          conversation: sql`${placed('conversation')}`.as('conversation'),
          context: sql`${sql.param(placed('context'), outbox.context)}`.as('context'),
          text: sql`${placed('text')}`.as('text'),
          createdAt: sql`${placed('createdAt')}`.as('created_at'),
          dueAt: sql`${placed('dueAt')}`.as('due_at'),
          attempts: sql`0`.as('attempts'),
          sent: sql`0`.as('sent')
        })
        .from(queue)
        .where(and(byId, open, isNotNull(placed('channel'))))
    ),
    ...finishing(tx)
  ])

  const find = query.select(shown).from(queue).where(byId).prepare()
  const findByRun = query
    .select(shown)
    .from(queue)
    .where(eq(queue.runId, placed('runId')))
    .orderBy(asc(seq))
    .limit(1)
    .prepare()
  const findLatest = query
    .select(shown)
    .from(queue)
    .where(eq(queue.sessionId, placed('sessionId')))
    .orderBy(desc(seq))
    .limit(1)
    .prepare()
  const findOpen = query.select(shown).from(queue).where(open).orderBy(asc(seq)).prepare()

  return {
    /**
     * A message is there from now on, and its session with it. `duplicateOf`: one of its key, or of its id, was there before in
     * this session; nothing was stored.
     * @throws Error when another session has a message of this id
     */
    async accept({ idempotencyKey = undefined, reply = undefined, ...row }: NewQueueRow): Promise<{ duplicateOf?: string }> {
      const optional = { idempotencyKey: idempotencyKey ?? null, reply: reply ?? null }
      const values = { ...opened(row.sessionId, row.acceptedAt), ...row, ...optional }
      const [[, inserted, found] = []] = await insert([values])
      if (inserted?.length === 1) return {}
      if (found?.[0] === undefined) throw new Error(`another session has a message ${row.id}`)
      return { duplicateOf: found[0].id }
    },

    /**
     * A run begins with these messages, or takes them: those that have no end yet are `running`. The session is made anew where
     * it was removed meanwhile, and the run, which is the first message's owner's, unless it is there.
     */
    async claim({ ids, sessionId, runId, now }: QueueClaim): Promise<void> {
      await take(ids.map((id) => ({ ...opened(sessionId, now), id, runId, now })))
    },

    /**
     * Messages end, and the run where it does too, each once: what had an end before keeps it, and nothing more is said of it.
     */
    async settle({ ends, run, now }: QueueSettlement): Promise<void> {
      const { id: runId, ...end } = run ?? NO_RUN
      const [first = NO_MESSAGE, ...others] = ends
      const sets = [
        { ...NO_DETAILS, ...end, runId, ...first, now },
        ...others.map((end) => ({ ...NO_DETAILS, ...NO_RUN, runId: null, ...end, now }))
      ]
      if (ends.every(({ post }) => post === undefined)) await finish(sets)
      else await finishAndPost(sets.map((set, index) => ({ ...set, ...posted(ends[index]?.post, now) })))
    },

    async get(id: string): Promise<QueueRow | undefined> {
      const [row] = await find.execute({ id })
      return row
    },

    /** The first message of a run. */
    async byRun(runId: string): Promise<QueueRow | undefined> {
      const [row] = await findByRun.execute({ runId })
      return row
    },

    /** The session's newest message. */
    async latest(sessionId: string): Promise<QueueRow | undefined> {
      const [row] = await findLatest.execute({ sessionId })
      return row
    },

    /** What messages without an end say, by id. */
    async bodies(ids: readonly string[]): Promise<Map<string, unknown>> {
      const rows = await query
        .select({ id: queue.id, body })
        .from(queue)
        .where(and(oneOf(queue.id, ids), isNotNull(body)))
        .execute()
      return new Map(rows.map(({ id, body }) => [id, body]))
    },

    /** What waits or runs, in the order of acceptance. */
    async unended(): Promise<QueueRow[]> {
      return await findOpen.execute()
    },

    /**
     * At a start: whatever still counts as running was cut off with the process that ran it. Decides about the messages, and marks
     * all these runs and the newest message of each (an answer, or the question nobody got to), in one transaction.
     */
    async resolve({ requeue, ends, now }: QueueResolution): Promise<void> {
      await atomic((tx) => [
        tx
          .update(messages)
          .set({ status: 'interrupted' })
          .where(
            inArray(
              messages.id,
              tx
                .select({ id: max(messages.id) })
                .from(messages)
                .where(
                  and(
                    // By session as well: that is what the index is on.
                    inArray(messages.sessionId, tx.select({ id: runs.sessionId }).from(runs).where(running)),
                    inArray(messages.runId, tx.select({ id: runs.id }).from(runs).where(running)),
                    ne(messages.role, 'tool')
                  )
                )
                .groupBy(messages.runId)
            )
          ),
        tx.update(runs).set({ status: 'interrupted', endedAt: now }).where(running),
        tx
          .update(queue)
          .set({ state: 'queued', runId: null })
          .where(and(oneOf(queue.id, requeue), open)),
        ...ends.flatMap(({ id, state, outcome, post }) => [
          ...(post ? [tx.insert(outbox).values(postOf(post, now))] : []),
          tx
            .update(queue)
            .set({ state, outcome, endedAt: now, body: null })
            .where(and(eq(queue.id, id), open))
        ])
      ])()
    },

    /** Forgets some of what ended before `before`, not so many that anybody notices. Answers how many: 0 once there are none. */
    async purge(before: number): Promise<number> {
      const some = query.select({ seq }).from(queue).where(lt(queue.endedAt, before)).limit(PURGED_AT_ONCE)
      const rows = await query.delete(queue).where(inArray(seq, some)).returning({ seq }).execute()
      return rows.length
    }
  }
}

function posted(post: NewPost | undefined, now: number) {
  return post === undefined ? NO_POST : postOf(post, now)
}
