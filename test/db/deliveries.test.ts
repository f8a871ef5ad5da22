import { open } from '../../db/client.ts'
import { deliveriesContract } from './deliveries.ts'

deliveriesContract('SQLite in memory', async (t) => {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  return db
})
