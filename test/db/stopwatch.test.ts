import assert from 'node:assert/strict'
import test from 'node:test'
import type { Timed } from '../../db/client.ts'
import { open } from '../../db/client.ts'

test('statements and transactions are timed, also failing ones', async (t) => {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  const told: [Timed, number][] = []
  await db.sessions.get('before anybody listens')
  db.onTime((what, seconds) => told.push([what, seconds]))
  await db.sessions.get('x:1')
  assert.deepEqual(
    told.splice(0).map(([what]) => what),
    ['statement']
  )

  const policy = { mode: 'followup', cap: 20, overflow: 'drop_old', debounceMs: 0, summarizeOverflow: true } as const
  const row = { sessionId: 'x:1', owner: 'local', priority: 'person', policy, preview: '', acceptedAt: 1, body: {} } as const
  await Promise.all([db.queue.accept({ id: 'one', ...row }), db.queue.accept({ id: 'two', ...row })])
  const grouped = told.splice(0)
  assert.equal(grouped.filter(([what]) => what === 'transaction').length, 1, 'both are committed together')
  assert.ok(grouped.every(([, seconds]) => seconds >= 0 && seconds < 60))

  await db.close()
  await assert.rejects(async () => db.sessions.get('x:1'))
  assert.deepEqual(
    told.map(([what]) => what),
    ['statement']
  )
})
