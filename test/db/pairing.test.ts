import { open } from '../../db/client.ts'
import { pairingContract } from './pairing.ts'

pairingContract('SQLite in memory', async (t) => {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  return db
})
