import { open } from '../../db/client.ts'
import { runContract } from './runs.ts'

runContract('SQLite in memory', async (t) => {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  return db
})
