import type { Connection } from '../connection.ts'
import { and, asc, desc, eq, inArray, lt, sql } from '../drizzle.ts'
import type { NewRunStep, RunQuery, RunRow, RunStepRow, RunStore } from '../types/runs.ts'

/** Takes a few milliseconds with the steps. */
const PURGED_AT_ONCE = 200
const MAX_STEPS = 1000

export function runStore({ query, schema: { runs, runSteps }, grouped }: Connection): RunStore {
  const { placeholder } = sql
  const runId = placeholder('runId')
  const find = query
    .select()
    .from(runs)
    .where(eq(runs.id, placeholder('id')))
    .prepare()
  const findSteps = query
    .select()
    .from(runSteps)
    .where(eq(runSteps.runId, runId))
    .orderBy(asc(runSteps.position))
    .limit(MAX_STEPS)
    .prepare()
  const insert = grouped((tx) => [
    tx
      .insert(runSteps)
      .select(
        tx
          .select({
            runId: runs.id,
            position: sql`${placeholder('position')}`.as('position'),
            kind: sql`${placeholder('kind')}`.as('kind'),
            name: sql`${placeholder('name')}`.as('name'),
            provider: sql`${placeholder('provider')}`.as('provider'),
            callId: sql`${placeholder('callId')}`.as('call_id'),
            status: sql`${placeholder('status')}`.as('status'),
            startedAt: sql`${placeholder('startedAt')}`.as('started_at'),
            endedAt: sql`${placeholder('endedAt')}`.as('ended_at'),
            inputTokens: sql`${placeholder('inputTokens')}`.as('input_tokens'),
            outputTokens: sql`${placeholder('outputTokens')}`.as('output_tokens'),
            reason: sql`${placeholder('reason')}`.as('reason'),
            error: sql`${placeholder('error')}`.as('error')
          })
          .from(runs)
          .where(eq(runs.id, runId))
      )
      .onConflictDoNothing()
  ])

  return {
    async get(id: string): Promise<RunRow | undefined> {
      const [row] = await find.execute({ id })
      return row
    },

    async list({ sessionId, status, limit, before }: RunQuery): Promise<RunRow[]> {
      return await query
        .select()
        .from(runs)
        .where(
          and(
            sessionId === undefined ? undefined : eq(runs.sessionId, sessionId),
            status === undefined ? undefined : eq(runs.status, status),
            before && sql`(${runs.createdAt}, ${runs.id}) < (${before.createdAt}, ${before.id})`
          )
        )
        .orderBy(desc(runs.createdAt), desc(runs.id))
        .limit(limit)
        .execute()
    },

    async addSteps(steps: readonly NewRunStep[]): Promise<void> {
      const absent = { provider: null, callId: null, inputTokens: 0, outputTokens: 0, reason: null, error: null }
      await insert(steps.map((step) => ({ ...absent, ...step })))
    },

    async steps(runId: string): Promise<RunStepRow[]> {
      return await findSteps.execute({ runId })
    },

    async purge(before: number): Promise<number> {
      const some = query.select({ id: runs.id }).from(runs).where(lt(runs.endedAt, before)).limit(PURGED_AT_ONCE)
      const rows = await query.delete(runs).where(inArray(runs.id, some)).returning({ id: runs.id }).execute()
      return rows.length
    }
  }
}
