import type { Connection, Query } from '../connection.ts'
import { and, asc, desc, eq, getTableColumns, inArray, isNotNull, isNull, lt, max, ne, or, sql } from '../drizzle.ts'
import type { NewPost } from '../types/outbox.ts'
import type { NewQueueRow, QueueClaim, QueueResolution, QueueRow, QueueSettlement, QueueStore } from '../types/queue.ts'
import { postOf } from './outbox.ts'
import { opened, opening } from './sessions.ts'

/** Takes a few milliseconds. A hundred thousand at once would hold the event loop for a second. */
const PURGED_AT_ONCE = 1000

/** Values for a settlement of a run alone, or of a message alone: the other statement then finds nothing to change. */
const NO_MESSAGE = { id: null, state: null, outcome: null }
const NO_RUN = { id: null, status: null, endedAt: null }
const NO_POST = { channel: null, conversation: null, context: null, text: null, createdAt: null, dueAt: null }
const NO_DETAILS = {
  inputTokens: 0,
  outputTokens: 0,
  provider: null,
  model: null,
  errorCode: null,
  errorMessage: null,
  reason: null,
  steps: null
}

export function queueStore({ query, schema, atomic, grouped, oneOf, nextId }: Connection): QueueStore {
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
        // The session is named twice so that each half is read from an index of its own.
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
            errorMessage: sql`null`.as('error_message'),
            reason: sql`null`.as('reason'),
            steps: sql`null`.as('steps')
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

  /** The end of a message. A dropped message was never answered, so its key is free for another attempt. */
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
        errorMessage: sql`${placed('errorMessage')}`,
        reason: sql`${placed('reason')}`,
        steps: sql`${sql.param(placed('steps'), runs.steps)}`
      })
      .where(and(eq(runs.id, placed('runId')), running))
  ]
  const finish = grouped(finishing)
  /** The post is inserted before the message ends, on condition that it has no end yet: nothing is posted twice. */
  const finishAndPost = grouped((tx) => [
    tx.insert(outbox).select(
      tx
        .select({
          id: nextId(outbox.id).as('id'),
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
        .where(and(byId, open, sql`cast(${placed('channel')} as text) is not null`))
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
    async accept({ idempotencyKey = undefined, reply = undefined, ...row }: NewQueueRow): Promise<{ duplicateOf?: string }> {
      const optional = { idempotencyKey: idempotencyKey ?? null, reply: reply ?? null }
      const values = { ...opened(row.sessionId, row.acceptedAt), ...row, ...optional }
      const [[, inserted, found] = []] = await insert([values])
      if (inserted?.length === 1) return {}
      if (found?.[0] === undefined) throw new Error(`another session has a message ${row.id}`)
      return { duplicateOf: found[0].id }
    },

    async claim({ ids, sessionId, runId, now }: QueueClaim): Promise<void> {
      await take(ids.map((id) => ({ ...opened(sessionId, now), id, runId, now })))
    },

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

    async byRun(runId: string): Promise<QueueRow | undefined> {
      const [row] = await findByRun.execute({ runId })
      return row
    },

    async latest(sessionId: string): Promise<QueueRow | undefined> {
      const [row] = await findLatest.execute({ sessionId })
      return row
    },

    async bodies(ids: readonly string[]): Promise<Map<string, unknown>> {
      const rows = await query
        .select({ id: queue.id, body })
        .from(queue)
        .where(and(oneOf(queue.id, ids), isNotNull(body)))
        .execute()
      return new Map(rows.map(({ id, body }) => [id, body]))
    },

    async edit(id: string, { preview, body }: { readonly preview: string; readonly body: unknown }): Promise<boolean> {
      const rows = await query
        .update(queue)
        .set({ preview, body })
        .where(and(eq(queue.id, id), eq(queue.state, 'queued')))
        .returning({ id: queue.id })
        .execute()
      return rows.length > 0
    },

    async unended(): Promise<QueueRow[]> {
      return await findOpen.execute()
    },

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
                    // By session as well, because the index begins with it.
                    inArray(messages.sessionId, tx.select({ id: runs.sessionId }).from(runs).where(running)),
                    inArray(messages.runId, tx.select({ id: runs.id }).from(runs).where(running)),
                    ne(messages.role, 'tool')
                  )
                )
                .groupBy(messages.runId)
            )
          ),
        tx.update(runs).set({ status: 'interrupted', endedAt: now, reason: 'the gateway ended' }).where(running),
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
