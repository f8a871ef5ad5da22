import { open } from '../../db/client.ts'
import { auditContract } from './audit.ts'

auditContract('SQLite in memory', async (t) => {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  return db
})
