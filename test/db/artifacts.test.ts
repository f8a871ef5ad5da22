import { open } from '../../db/client.ts'
import { artifactsContract } from './artifacts.ts'

artifactsContract('SQLite in memory', async (t) => {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  return db
})
