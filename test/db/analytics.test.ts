import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import Driver from 'better-sqlite3'
import { open } from '../../db/client.ts'
import { analyticsContract } from './analytics.ts'
import { folder } from './folder.ts'

analyticsContract('SQLite in memory', async (t) => {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  return db
})

test('analytics are read from an index, and no more of it than is asked for', async (t) => {
  const file = join(await folder(t), 'flynn.db')
  await (await open({ file })).close()
  const client = new Driver(file)
  t.after(() => client.close())
  const plan = (sql: string) =>
    client
      .prepare(`explain query plan ${sql}`)
      .all()
      .map((row) => (row as { detail: string }).detail)
      .join('; ')
  assert.match(
    plan(
      `select message_count, (select before from session_days where session_id = sessions.id and day >= 1 order by day limit 1) from sessions
        where (last_message_at, created_at, id) > (1, 1, '') order by last_message_at, created_at, id limit 9`
    ),
    /^SEARCH sessions USING COVERING INDEX sessions_recent \(.*SEARCH session_days USING COVERING INDEX session_days_before \(session_id=\? AND day>\?\)$/
  )
  assert.match(
    plan("select name, sum(count) from tallies where kind = 'topic' and day >= 1 group by name"),
    /^SEARCH tallies USING INDEX \S+ \(kind=\? AND day>\?\)/
  )
  assert.match(plan('delete from tallies where count <= 0'), /INDEX tallies_spent/)
})
