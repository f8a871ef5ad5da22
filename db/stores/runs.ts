import type { Connection } from '../connection.ts'
import { eq, sql } from '../drizzle.ts'
import type { RunRow, RunStore } from '../types/runs.ts'

export function runStore({ query, schema: { runs } }: Connection): RunStore {
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
