import type { Connection } from '../connection.ts'
import { and, count, desc, eq, getTableColumns, gte, inArray, lt, sql } from '../drizzle.ts'
import type { RunFilter, RunQuery, RunRow, RunSteps, RunStore } from '../types/runs.ts'

/** Takes a few milliseconds. */
const PURGED_AT_ONCE = 200
/** Limit on the runs that are counted: with more of them, the number itself tells little, and counting takes time. */
const MAX_COUNTED = 10_000

export function runStore({ query, schema: { runs }, atomic, oneOf }: Connection): RunStore {
  const { steps, ...shown } = getTableColumns(runs)
  const byId = eq(runs.id, sql.placeholder('id'))
  const find = query.select(shown).from(runs).where(byId).prepare()
  const findSteps = query.select({ steps }).from(runs).where(byId).prepare()

  const matching = ({ sessionId, frontend, status, since, until }: RunFilter) =>
    and(
      sessionId === undefined ? undefined : eq(runs.sessionId, sessionId),
      // All ids of a frontend begin with it and a colon; a semicolon is the next character.
      frontend === undefined ? undefined : and(gte(runs.sessionId, `${frontend}:`), lt(runs.sessionId, `${frontend};`)),
      status === undefined ? undefined : eq(runs.status, status),
      since === undefined ? undefined : gte(runs.createdAt, since),
      until === undefined ? undefined : lt(runs.createdAt, until)
    )

  return {
    async get(id: string): Promise<RunRow | undefined> {
      const [row] = await find.execute({ id })
      return row
    },

    async some(ids: readonly string[]): Promise<RunRow[]> {
      return await query.select(shown).from(runs).where(oneOf(runs.id, ids)).execute()
    },

    async list({ limit, before, ...filter }: RunQuery): Promise<{ rows: RunRow[]; total: number }> {
      const wanted = matching(filter)
      const [rows, [counted]] = await atomic((tx) => [
        tx
          .select(shown)
          .from(runs)
          .where(and(wanted, before && sql`(${runs.createdAt}, ${runs.id}) < (${before.createdAt}, ${before.id})`))
          .orderBy(desc(runs.createdAt), desc(runs.id))
          .limit(limit),
        tx.select({ total: count() }).from(
          tx
            .select({ one: sql`1`.as('one') })
            .from(runs)
            .where(wanted)
            .limit(MAX_COUNTED)
            .as('counted')
        )
      ])()
      return { rows, total: counted?.total ?? 0 }
    },

    async steps(id: string): Promise<RunSteps> {
      const [row] = await findSteps.execute({ id })
      return row?.steps ?? { list: [], omitted: 0 }
    },

    async purge(before: number): Promise<number> {
      const some = query.select({ id: runs.id }).from(runs).where(lt(runs.endedAt, before)).limit(PURGED_AT_ONCE)
      const rows = await query.delete(runs).where(inArray(runs.id, some)).returning({ id: runs.id }).execute()
      return rows.length
    }
  }
}
