import { open } from '../../db/client.ts'
import { subscriptionsContract } from './subscriptions.ts'

subscriptionsContract('SQLite', async (t) => {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  return db
})
