import { open } from '../../db/client.ts'
import { nodesContract } from './nodes.ts'

nodesContract('SQLite', async (t) => {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  return db
})
