import { open } from '../../db/client.ts'
import { presenceContract } from './presence.ts'

presenceContract('SQLite in memory', async (t) => {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  return db
})
