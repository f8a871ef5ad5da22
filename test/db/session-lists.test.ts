import { open } from '../../db/client.ts'
import { sessionListContract } from './session-lists.ts'

sessionListContract('SQLite in memory', async (t) => {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  return db
})
