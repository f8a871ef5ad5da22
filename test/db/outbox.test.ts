import { open } from '../../db/client.ts'
import { outboxContract } from './outbox.ts'

outboxContract('SQLite in memory', async (t) => {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  return db
})
