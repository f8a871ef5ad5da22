import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { Db, RunEnd, RunRow, RunSteps } from '../../db/client.ts'
import { ended, queued } from './queue.ts'

/** Contract of the run history of every database. `open` makes a new, empty one that closes with the test. */
export function runContract(kind: string, open: (t: TestContext) => Promise<Db>): void {
  /** A run of a message accepted at `at`, ended a second later if `end` is given. */
  const ran = async (
    db: Db,
    id: string,
    { sessionId = 'ws:a', at = 1000, end }: { sessionId?: string; at?: number; end?: Partial<RunEnd> } = {}
  ) => {
    await db.queue.accept(queued(`of ${id}`, { sessionId, acceptedAt: at }))
    await db.queue.claim({ sessionId, runId: id, ids: [`of ${id}`], now: at })
    if (end) {
      const run = { id, status: 'completed', endedAt: at + 1000, ...end } as const
      await db.queue.settle({ ends: [ended(`of ${id}`)], run, now: at + 1000 })
    }
  }
  const ids = ({ rows }: { rows: readonly RunRow[] }) => rows.map(({ id }) => id)
  const STEPS: RunSteps = {
    list: [
      { kind: 'model', name: 'large', provider: 'anthropic', status: 'completed', startedAt: 1, endedAt: 2, inputTokens: 3 },
      { kind: 'tool', name: 'file.read', callId: 'c1', status: 'failed', startedAt: 2, endedAt: 3, args: '{}', error: 'ä\n' }
    ],
    omitted: 2
  }

  test(`${kind}: a run keeps how it ended, with its reason`, async (t) => {
    const db = await open(t)
    await ran(db, 'r1', { end: { status: 'cancelled', reason: 'credential revoked', inputTokens: 3, model: 'large' } })
    const run = await db.runs.get('r1')
    assert.deepEqual([run?.status, run?.reason, run?.inputTokens, run?.model], ['cancelled', 'credential revoked', 3, 'large'])
    assert.equal(await db.runs.get('unknown'), undefined)
  })

  test(`${kind}: runs are listed newest first, filtered and paged, also with equal times`, async (t) => {
    const db = await open(t)
    for (const [n, at] of [1, 2, 2, 2, 3].entries()) await ran(db, `a${n}`, { at, end: n === 1 ? { status: 'failed' } : {} })
    await ran(db, 'b', { sessionId: 'ws:b', at: 2 })
    assert.deepEqual(ids(await db.runs.list({ limit: 9 })), ['a4', 'b', 'a3', 'a2', 'a1', 'a0'])
    assert.deepEqual(ids(await db.runs.list({ limit: 9, sessionId: 'ws:b' })), ['b'])
    assert.deepEqual(ids(await db.runs.list({ limit: 9, status: 'running' })), ['b'])
    assert.deepEqual(ids(await db.runs.list({ limit: 9, status: 'failed', sessionId: 'ws:a' })), ['a1'])
    const paged: string[] = []
    for (let before: RunRow | undefined; ; ) {
      const page = await db.runs.list({ limit: 2, sessionId: 'ws:a', before })
      assert.equal(page.total, 5)
      paged.push(...ids(page))
      before = page.rows.at(-1)
      if (!before) break
    }
    assert.deepEqual(paged, ['a4', 'a3', 'a2', 'a1', 'a0'])
  })

  test(`${kind}: runs are filtered by frontend and time`, async (t) => {
    const db = await open(t)
    for (const [n, sessionId] of ['ws:a', 'ws2:a', 'w:a', 'ws:b'].entries()) await ran(db, `r${n}`, { sessionId, at: n })
    assert.deepEqual(ids(await db.runs.list({ limit: 9, frontend: 'ws' })), ['r3', 'r0'])
    assert.deepEqual(ids(await db.runs.list({ limit: 9, since: 1, until: 3 })), ['r2', 'r1'])
    assert.equal((await db.runs.list({ limit: 1, since: 1, until: 3 })).total, 2)
  })

  test(`${kind}: steps are written with the end of the run and go with it`, async (t) => {
    const db = await open(t)
    const none = { list: [], omitted: 0 }
    await ran(db, 'r1')
    assert.deepEqual(await db.runs.steps('r1'), none)
    await ran(db, 'r2', { end: { steps: STEPS } })
    await ran(db, 'r3', { end: {} })
    assert.deepEqual(await db.runs.steps('r2'), STEPS)
    assert.deepEqual(await db.runs.steps('r3'), none)
    assert.deepEqual(await db.runs.steps('unknown'), none)
    await db.sessions.remove('ws:a')
    assert.deepEqual(await db.runs.steps('r2'), none)
  })

  test(`${kind}: old ended runs are purged, running ones never`, async (t) => {
    const db = await open(t)
    await ran(db, 'old', { at: 1000, end: { steps: STEPS } })
    await ran(db, 'new', { at: 5000, end: { steps: STEPS } })
    await ran(db, 'running', { at: 1000 })
    assert.equal(await db.runs.purge(6000), 1)
    assert.equal(await db.runs.purge(6000), 0)
    assert.deepEqual(ids(await db.runs.list({ limit: 9 })), ['new', 'running'])
    assert.deepEqual((await db.runs.steps('old')).list, [])
    assert.deepEqual(await db.runs.steps('new'), STEPS)
  })
}
