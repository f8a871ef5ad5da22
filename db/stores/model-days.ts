import type { Connection } from '../connection.ts'
import { and, asc, desc, eq, gt, gte, lt, lte, sql } from '../drizzle.ts'
import type { AnalyticsStore, ModelDay } from '../types/analytics.ts'
import { dayIn } from './analytics.ts'

/** Runs counted in one step: a few milliseconds. */
const AT_ONCE = 500
/** Age at which no other run with the same end is written any more. */
const SETTLED_MS = 2000
/** Its value is the end of the newest counted run. */
const CURSOR = 'analytics.runs'

/** Counts of runs by day and model. */
export function modelDayStore({ query, schema, atomic }: Connection): Pick<AnalyticsStore, 'models' | 'countRuns'> {
  const { runs, modelDays, cursors } = schema
  const placed = sql.placeholder
  const atCursor = eq(cursors.name, CURSOR)
  const begin = query.insert(cursors).values({ name: CURSOR, value: '0' }).onConflictDoNothing().prepare()
  const counted = query.select({ at: cursors.value }).from(cursors).where(atCursor).prepare()
  const next = query
    .select({ endedAt: sql<number>`${runs.endedAt}` })
    .from(runs)
    .where(and(gt(runs.endedAt, placed('from')), lt(runs.endedAt, placed('before'))))
    .orderBy(asc(runs.endedAt))
    .limit(AT_ONCE)
    .prepare()

  const added = (column: keyof ModelDay, name: string) => sql`${modelDays[column]} + ${sql.raw(`excluded.${name}`)}`
  // Only if the cursor has not moved: another call may have counted these runs.
  const unmoved = sql`exists (select 1 from ${cursors} where ${atCursor} and ${cursors.value} = ${placed('value')})`
  const step = atomic((tx) => [
    tx
      .insert(modelDays)
      .select(
        sql`select ${dayIn(runs.endedAt)}, coalesce(${runs.provider}, ''), coalesce(${runs.model}, ''), count(*),
            sum(case when ${runs.status} in ('failed', 'interrupted') then 1 else 0 end), sum(case ${runs.status} when 'cancelled' then 1 else 0 end),
            sum(${runs.inputTokens}), sum(${runs.outputTokens})
          from ${runs} where ${and(gt(runs.endedAt, placed('from')), lte(runs.endedAt, placed('to')))} and ${unmoved} group by 1, 2, 3`
      )
      .onConflictDoUpdate({
        target: [modelDays.day, modelDays.provider, modelDays.model],
        set: {
          runs: added('runs', 'runs'),
          failed: added('failed', 'failed'),
          cancelled: added('cancelled', 'cancelled'),
          inputTokens: added('inputTokens', 'input_tokens'),
          outputTokens: added('outputTokens', 'output_tokens')
        }
      }),
    tx
      .update(cursors)
      .set({ value: sql`${placed('next')}` })
      .where(and(atCursor, eq(cursors.value, placed('value'))))
  ])

  const newest = query
    .select()
    .from(modelDays)
    .where(gte(modelDays.day, placed('from')))
    .orderBy(desc(modelDays.day), desc(modelDays.provider), desc(modelDays.model))
    .limit(placed('limit'))
    .prepare()

  return {
    async models(from: number, limit: number): Promise<ModelDay[]> {
      return (await newest.execute({ from, limit })).reverse()
    },

    async countRuns(now: number): Promise<boolean> {
      await begin.execute()
      const [cursor] = await counted.execute()
      const value = cursor?.at ?? '0'
      const from = Number(value)
      const ended = await next.execute({ from, before: now - SETTLED_MS })
      const last = ended.at(-1)
      if (last === undefined) return false
      // All runs with this end are counted, also those beyond the limit.
      await step({ from, to: last.endedAt, value, next: String(last.endedAt) })
      return ended.length === AT_ONCE
    }
  }
}
