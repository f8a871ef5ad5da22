import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { Db, NewRunStep, RunEnd, RunRow } from '../../db/client.ts'
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
  const step = (runId: string, position: number, changes: Partial<NewRunStep> = {}): NewRunStep => ({
    runId,
    position,
    kind: 'model',
    name: 'large',
    status: 'completed',
    startedAt: 1,
    endedAt: 2,
    ...changes
  })
  const ids = (rows: readonly RunRow[]) => rows.map(({ id }) => id)

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
      paged.push(...ids(page))
      before = page.at(-1)
      if (!before) break
    }
    assert.deepEqual(paged, ['a4', 'a3', 'a2', 'a1', 'a0'])
  })

  test(`${kind}: steps are kept once each, in order, and only of existing runs`, async (t) => {
    const db = await open(t)
    await ran(db, 'r1')
    const tool = step('r1', 2, { kind: 'tool', name: 'file.read', callId: 'c1', status: 'failed', error: 'no such file' })
    const model = step('r1', 1, { provider: 'anthropic', inputTokens: 10, outputTokens: 5, reason: 'tool-calls' })
    await Promise.all([db.runs.addSteps([tool]), db.runs.addSteps([model, step('unknown', 1)])])
    await db.runs.addSteps([step('r1', 1, { name: 'another' })])
    const absent = { provider: null, callId: null, inputTokens: 0, outputTokens: 0, reason: null, error: null }
    assert.deepEqual(await db.runs.steps('r1'), [
      { ...absent, ...model },
      { ...absent, ...tool }
    ])
    assert.deepEqual(await db.runs.steps('unknown'), [])
    await db.sessions.remove('ws:a')
    assert.deepEqual(await db.runs.steps('r1'), [])
  })

  test(`${kind}: old ended runs are purged with their steps, running ones never`, async (t) => {
    const db = await open(t)
    await ran(db, 'old', { at: 1000, end: {} })
    await ran(db, 'new', { at: 5000, end: {} })
    await ran(db, 'running', { at: 1000 })
    await db.runs.addSteps([step('old', 1), step('new', 1)])
    assert.equal(await db.runs.purge(6000), 1)
    assert.equal(await db.runs.purge(6000), 0)
    assert.deepEqual(ids(await db.runs.list({ limit: 9 })), ['new', 'running'])
    assert.deepEqual(await db.runs.steps('old'), [])
    assert.equal((await db.runs.steps('new')).length, 1)
  })
}
