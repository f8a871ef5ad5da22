import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import test from 'node:test'
import { open } from '../../db/client.ts'
import { scratch } from '../helper.ts'
import { searchContract } from './search.ts'

searchContract('SQLite in memory', async (t) => {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  return db
})

test('words of deleted messages leave the file', async (t) => {
  const file = path.join(await scratch(t), 'flynn.db')
  const db = await open({ file })
  await db.sessions.open('ws:a', 1)
  await db.sessions.open('ws:b', 1)
  for (let n = 0; n < 40; n++) {
    const sessionId = n % 2 ? 'ws:a' : 'ws:b'
    const content = n % 2 ? `canarysecretword${n}` : `ordinary${n}`
    await db.messages.append({ sessionId, runId: 'r', role: 'assistant', content, createdAt: 1 })
  }
  await db.sessions.remove('ws:a')
  while (await db.search.compact());
  await db.close()
  const bytes = (await readFile(file)).toString('latin1')
  assert.ok(bytes.includes('ordinary'))
  // The index stores the part that a word does not share with the one before it.
  assert.ok(!bytes.includes('secretword'))
})
