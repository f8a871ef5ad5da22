import { open } from '../../db/client.ts'
import { pluginStoreContract } from './plugin-values.ts'

pluginStoreContract('SQLite in memory', async (t) => {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  return db
})
