import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { type Db, open, type RunEnd } from '../../../db/client.ts'
import type { LaneEnd } from '../../../lanes/driver.ts'
import type { LaneMessage } from '../../../lanes/message.ts'
import { Duplicate, type Payload, StoredMessages } from '../../../plugins/lanes/driver.ts'
import { driverContract } from '../../contract/driver.ts'

/** Opens a database in a file, again and again; each time the one before is closed, and the last one when the test is over. */
async function file(t: TestContext): Promise<() => Promise<Db>> {
  const folder = await mkdtemp(join(tmpdir(), 'flynn-lanes-'))
  let db: Db | undefined
  t.after(async () => {
    await db?.close()
    await rm(folder, { recursive: true, force: true })
  })
  return async () => {
    await db?.close()
    db = await open({ file: join(folder, 'flynn.db') })
    return db
  }
}

const record = (ends: readonly LaneEnd<Payload, unknown>[]) => ({
  ends: ends.map(({ message: { id } }) => ({ id, state: 'completed' as const, outcome: null }))
})

/** The contract speaks of bodies; here they are what is sent with a key. */
class Wrapped extends StoredMessages {
  override accept(sessionId: string, message: LaneMessage<Payload>, body: unknown): Promise<void> {
    return super.accept(sessionId, message, { data: body })
  }
}

driverContract<Payload, unknown>(
  'SQLite in a file',
  async (t) => {
    const next = await file(t)
    let db = await next()
    return {
      driver: new Wrapped(db.queue, record),
      reopen: async () => {
        db = await next()
        return new Wrapped(db.queue, record)
      },
      body: async (_laneId, id) => (await db.queue.bodies([id])).get(id)
    }
  },
  { payload: { kind: 'message', preview: 'Hello "ä😀"\n' }, value: { content: 'Hi' } }
)

function message(id: string, payload: Payload = { kind: 'message', preview: 'Hello' }): LaneMessage<Payload> {
  const policy = { mode: 'followup', cap: 20, overflow: 'drop_old', debounceMs: 250, summarizeOverflow: true } as const
  return { id, owner: 'token:ann', priority: 'person', policy, payload, acceptedAt: 5 }
}

const work = (id: string) => message(id, { kind: 'work', run: () => {} })

test('a message with a key that was sent before is a duplicate of the first one, and is not kept', async (t) => {
  const db = await (await file(t))()
  const driver = new StoredMessages(db.queue, record)
  const body = { data: { text: 'Hello' }, idempotencyKey: 'k' }
  await driver.accept('ws:a', message('1'), body)
  await assert.rejects(driver.accept('ws:a', message('2'), body), (error: Duplicate) => {
    assert.ok(error instanceof Duplicate)
    assert.equal(error.of, '1')
    return true
  })
  await driver.accept('ws:b', message('3'), body)
  assert.deepEqual(
    (await driver.recover()).map(({ message: { id } }) => id),
    ['1', '3']
  )
})

test('a turn is a run of its id, which begins and ends with its messages, as the recorder says', async (t) => {
  const db = await (await file(t))()
  const run: RunEnd = { id: '1', status: 'failed', endedAt: 9, errorCode: 5, errorMessage: 'Out of luck' }
  const asked: unknown[] = []
  const driver = new StoredMessages(
    db.queue,
    (ends, runId) => {
      asked.push([ends.map(({ message: { id } }) => id), runId])
      return { ends: [{ id: '1', state: 'failed', outcome: { error: 'Out of luck' } }], run }
    },
    () => 7
  )
  await driver.accept('ws:a', message('1'), { data: 1 })
  await driver.claim('ws:a', [message('1')], '1')
  const { principal, createdAt, startedAt, status } = (await db.runs.get('1'))!
  assert.deepEqual(
    { principal, createdAt, startedAt, status },
    { principal: 'token:ann', createdAt: 5, startedAt: 7, status: 'running' }
  )
  await driver.settle('ws:a', [{ message: message('1'), error: new Error('x') }], '1')
  assert.deepEqual(asked, [[['1'], '1']])
  const { state, outcome, endedAt } = (await db.queue.get('1'))!
  assert.deepEqual({ state, outcome, endedAt }, { state: 'failed', outcome: { error: 'Out of luck' }, endedAt: 7 })
  assert.equal((await db.runs.get('1'))?.errorMessage, 'Out of luck')
})

test('work is not stored, alone or among messages', async (t) => {
  const db = await (await file(t))()
  const asked: string[][] = []
  const driver = new StoredMessages(db.queue, (ends) => {
    asked.push(ends.map(({ message: { id } }) => id))
    return record(ends)
  })
  const end = (message: LaneMessage<Payload>): LaneEnd<Payload, unknown> => ({ message, error: new Error('cancelled') })
  await driver.accept('ws:a', work('w'), undefined)
  await driver.claim('ws:a', [work('w')], 'w')
  await driver.settle('ws:a', [end(work('w'))], 'w')
  assert.equal(await db.sessions.get('ws:a'), undefined)
  await driver.accept('ws:a', message('m'), { data: 1 })
  await driver.settle('ws:a', [end(work('w')), end(message('m'))])
  assert.deepEqual(asked, [['m']])
  assert.deepEqual(await driver.recover(), [])
  assert.equal(await db.queue.get('w'), undefined)
  assert.equal(await db.runs.get('w'), undefined)
})

test('an end that could not be stored is stored as soon as it can be, and not before the ones that came before it', async (t) => {
  const db = await (await file(t))()
  const driver = new StoredMessages(db.queue, record)
  for (const id of ['a', 'b']) await driver.accept('ws:1', message(id), { data: 'x' })
  const { settle } = db.queue
  let full = true
  db.queue.settle = (ends) => (full ? Promise.reject(new Error('database or disk is full')) : settle(ends))
  const end = (id: string) => [{ message: message(id), outcome: { value: null, how: 'completed' as const } }]
  for (const id of ['a', 'b']) await assert.rejects(driver.settle('ws:1', end(id)), /full/)
  await assert.rejects(driver.settleOwed(), /full/)
  assert.equal((await db.queue.unended()).length, 2)
  full = false
  await driver.settleOwed()
  assert.deepEqual(await db.queue.unended(), [])
  assert.equal((await db.queue.get('a'))?.state, 'completed')
})

test('what is owed is stored once each, also where that is asked for while it goes on', async (t) => {
  const db = await (await file(t))()
  const driver = new StoredMessages(db.queue, record)
  const ids = ['a', 'b', 'c']
  for (const id of ids) await driver.accept('ws:1', message(id), { data: 'x' })
  const { settle } = db.queue
  db.queue.settle = () => Promise.reject(new Error('database or disk is full'))
  const end = (id: string) => [{ message: message(id), outcome: { value: null, how: 'completed' as const } }]
  for (const id of ids) await assert.rejects(driver.settle('ws:1', end(id)), /full/)
  const stored: string[] = []
  db.queue.settle = (settlement) => {
    stored.push(...settlement.ends.map(({ id }) => id))
    return settle(settlement)
  }
  await Promise.all([driver.settleOwed(), driver.settleOwed()])
  assert.deepEqual(stored, ids)
  assert.deepEqual(await db.queue.unended(), [])
})
