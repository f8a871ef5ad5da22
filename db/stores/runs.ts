import type { Connection } from '../connection.ts'
import { and, eq, inArray, max, ne, sql } from '../drizzle.ts'

export type RunRow = Connection['schema']['runs']['$inferSelect']
export type RunStart = Pick<RunRow, 'id' | 'sessionId' | 'principal' | 'createdAt' | 'startedAt'>

export interface RunEnd {
  readonly id: string
  readonly status: 'completed' | 'failed' | 'cancelled'
  readonly endedAt: number
  readonly inputTokens?: number
  readonly outputTokens?: number
  readonly provider?: string | null
  readonly model?: string | null
  readonly errorCode?: number | null
  readonly errorMessage?: string | null
}

export type RunStore = ReturnType<typeof runStore>

/** Turns of the agent: who asked, how it ended, what it cost. */
export function runStore({ query, schema: { runs, messages }, atomic }: Connection) {
  const byId = eq(runs.id, sql.placeholder('id'))
  const running = eq(runs.status, 'running')

  const insert = query
    .insert(runs)
    .values({
      id: sql.placeholder('id'),
      sessionId: sql.placeholder('sessionId'),
      principal: sql.placeholder('principal'),
      status: 'running',
      createdAt: sql.placeholder('createdAt'),
      startedAt: sql.placeholder('startedAt')
    })
    .prepare()
  const find = query.select().from(runs).where(byId).prepare()

  return {
    /** A run of a session that is there begins. */
    async start(run: RunStart): Promise<void> {
      await insert.execute({ ...run })
    },

    /** A run ends, once: `false` when it had ended before, so that what an abandoned run says late changes nothing. */
    async finish({ id, ...end }: RunEnd): Promise<boolean> {
      const rows = await query
        .update(runs)
        .set(end)
        .where(and(eq(runs.id, id), running))
        .returning({ id: runs.id })
        .execute()
      return rows.length > 0
    },

    async get(id: string): Promise<RunRow | undefined> {
      const [row] = await find.execute({ id })
      return row
    },

    /**
     * At a start: whatever still counts as running was cut off with the process that ran it. Marks these runs, and the
     * newest message of each (an answer, or the question nobody got to), in one transaction; answers the runs.
     */
    async interruptRunning(now: number): Promise<RunRow[]> {
      const [, interrupted] = await atomic((tx) => [
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
        tx.update(runs).set({ status: 'interrupted', endedAt: now }).where(running).returning()
      ])()
      return interrupted
    }
  }
}
