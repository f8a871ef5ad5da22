import { open } from '../../db/client.ts'
import { contextsContract } from './contexts.ts'

contextsContract('SQLite in memory', async (t) => {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  return db
})
