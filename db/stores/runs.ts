import type { Connection } from '../connection.ts'
import { eq, sql } from '../drizzle.ts'

export type RunRow = Connection['schema']['runs']['$inferSelect']

export interface RunEnd {
  readonly id: string
  readonly status: 'completed' | 'failed' | 'cancelled' | 'interrupted'
  readonly endedAt: number
  readonly inputTokens?: number
  readonly outputTokens?: number
  readonly provider?: string | null
  readonly model?: string | null
  readonly errorCode?: number | null
  readonly errorMessage?: string | null
}

export type RunStore = ReturnType<typeof runStore>

/** Turns of the agent: who asked, how it ended, what it cost. They begin and end with their messages, in the queue. */
export function runStore({ query, schema: { runs } }: Connection) {
  const find = query
    .select()
    .from(runs)
    .where(eq(runs.id, sql.placeholder('id')))
    .prepare()

  return {
    async get(id: string): Promise<RunRow | undefined> {
      const [row] = await find.execute({ id })
      return row
    }
  }
}
