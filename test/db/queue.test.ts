import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import Driver from 'better-sqlite3'
import fc from 'fast-check'
import { type Db, open, type QueueEnd } from '../../db/client.ts'
import { rounds } from '../rounds.ts'
import { folder } from './folder.ts'
import { ended, queued } from './queue.ts'

test('messages accepted in one turn share a transaction', async (t) => {
  const numbers = Array.from({ length: 50 }, (_, index) => `${index}`)
  /** Bytes written for it; each transaction writes every changed page again. */
  const written = async (write: (db: Db) => Promise<unknown>) => {
    const file = join(await folder(t), 'flynn.db')
    const db = await open({ file })
    t.after(() => db.close())
    const log = async () => (await stat(`${file}-wal`)).size
    const before = await log()
    await write(db)
    assert.equal((await db.queue.unended()).length, numbers.length)
    return (await log()) - before
  }
  const apart = await written(async (db) => {
    for (const id of numbers) await db.queue.accept(queued(id))
  })
  const together = await written((db) => Promise.all(numbers.map((id) => db.queue.accept(queued(id)))))
  assert.ok(together * 5 < apart, `${together} bytes for all at once, ${apart} for one after the other`)
})

test('calls made before close are stored and answered', async (t) => {
  const file = join(await folder(t), 'flynn.db')
  const first = await open({ file })
  const calls = [first.queue.accept(queued('1')), first.queue.accept(queued('2', { owner: null as never }))]
  const closed = first.close()
  assert.deepEqual(
    (await Promise.allSettled(calls)).map(({ status }) => status),
    ['fulfilled', 'rejected']
  )
  await closed
  await assert.rejects(first.queue.accept(queued('3')), /not open/)
  const second = await open({ file })
  t.after(() => second.close())
  assert.deepEqual(
    (await second.queue.unended()).map(({ id }) => id),
    ['1']
  )
})

test('a locked database accepts nothing, and everything once it is free', async (t) => {
  const file = join(await folder(t), 'flynn.db')
  const db = await open({ file })
  t.after(() => db.close())
  const other = new Driver(file)
  t.after(() => other.close())
  const all = () => Promise.allSettled(['1', '2', '3'].map((id) => db.queue.accept(queued(id))))
  other.exec('BEGIN IMMEDIATE')
  const errors = (await all()).map((call) => (call.status === 'rejected' ? call.reason : undefined))
  assert.equal(errors[0].code, 'SQLITE_BUSY')
  // The same one: who waited in vain once does not wait once more for each call.
  assert.deepEqual([errors[1] === errors[0], errors[2] === errors[0]], [true, true])
  other.exec('COMMIT')
  assert.deepEqual(
    (await all()).map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'fulfilled']
  )
})

test('an accepted message survives kill -9 with its body', async (t) => {
  const file = join(await folder(t), 'flynn.db')
  const program = `
    const { open } = await import(${JSON.stringify(new URL('../../db/client.ts', import.meta.url).href)})
    const { queued } = await import(${JSON.stringify(new URL('./queue.ts', import.meta.url).href)})
    const db = await open({ file: ${JSON.stringify(file)} })
    for (let n = 0; ; n += 2) {
      await Promise.all([db.queue.accept(queued(String(n))), db.queue.accept(queued(String(n + 1)))])
      process.stdout.write(n + 1 + '\\n')
    }`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  let acknowledged = -1
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (text: string) => {
    acknowledged = Number(text.trimEnd().split('\n').at(-1))
    if (acknowledged > 50) child.kill('SIGKILL')
  })
  const [, signal] = await once(child, 'close')
  assert.equal(signal, 'SIGKILL')

  const db = await open({ file })
  t.after(() => db.close())
  const found = (await db.queue.unended()).map(({ id }) => id)
  assert.deepEqual(
    found,
    found.map((_, n) => String(n))
  )
  assert.ok(found.length > acknowledged)
  assert.equal((await db.queue.bodies(found)).size, found.length)
})

interface Row {
  sessionId: string
  key: string | null
  state: string
  attempts: number
  runId: string | null
}

/** Expected content of the queue and state of each run. */
class Model {
  readonly rows = new Map<string, Row>()
  readonly runs = new Map<string, { sessionId: string; status: string }>()

  accept(id: string, sessionId: string, key: string | null): { duplicateOf?: string } {
    const first = [...this.rows].find(([, row]) => key !== null && row.sessionId === sessionId && row.key === key)
    if (first) return { duplicateOf: first[0] }
    this.rows.set(id, { sessionId, key, state: 'queued', attempts: 0, runId: null })
    return {}
  }

  claim(sessionId: string, runId: string, ids: readonly string[]): void {
    const open = ids.map((id) => this.rows.get(id)!).filter(isOpen)
    if (open.length > 0 && !this.runs.has(runId)) this.runs.set(runId, { sessionId, status: 'running' })
    for (const row of open) Object.assign(row, { state: 'running', attempts: row.attempts + 1, runId })
  }

  settle(ids: readonly string[], state: QueueEnd['state'], runId: string | undefined): void {
    for (const row of ids.map((id) => this.rows.get(id)!).filter(isOpen))
      Object.assign(row, { state, key: state === 'dropped' ? null : row.key })
    const run = runId === undefined ? undefined : this.runs.get(runId)
    if (run?.status === 'running') run.status = 'completed'
  }

  resolve(fates: ReadonlyMap<string, string>): void {
    for (const [id, state] of fates) Object.assign(this.rows.get(id)!, state === 'queued' ? { state, runId: null } : { state })
    for (const run of this.runs.values()) if (run.status === 'running') run.status = 'interrupted'
  }

  remove(sessionId: string): void {
    for (const [id, row] of this.rows) if (row.sessionId === sessionId && !isOpen(row)) this.rows.delete(id)
    for (const [id, run] of this.runs) if (run.sessionId === sessionId) this.runs.delete(id)
  }
}

const isOpen = ({ state }: Row): boolean => state === 'queued' || state === 'running'

const sessionId = fc.constantFrom('ws:a', 'ws:b')
/** Which of a session's messages, from the newest on. */
const picks = fc.uniqueArray(fc.nat(4), { minLength: 1, maxLength: 3 })
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ act: fc.constant('accept'), sessionId, key: fc.constantFrom(null, null, 'k', 'l') }) },
  { weight: 4, arbitrary: fc.record({ act: fc.constant('claim'), sessionId, picks, awaited: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constant('settle'),
      sessionId,
      picks,
      state: fc.constantFrom('completed', 'failed', 'cancelled', 'superseded', 'dropped', 'interrupted'),
      ends: fc.boolean()
    })
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('remove'), sessionId }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('crash'), fates: fc.array(fc.nat(2), { minLength: 1 }) }) }
)

test('the queue equals its model after any operations and crashes', async (t) => {
  const home = await folder(t)
  let files = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const file = join(home, `${files++}.db`)
      const model = new Model()
      let db = await open({ file })
      const calls: Promise<void>[] = []
      const settled = async () => {
        await Promise.all(calls.splice(0))
      }
      const check = async () => {
        const found = await db.queue.unended()
        const open = [...model.rows].filter(([, row]) => isOpen(row))
        assert.deepEqual(
          found.map(({ id }) => id),
          open.map(([id]) => id)
        )
        assert.equal((await db.queue.bodies([...model.rows.keys()])).size, open.length)
        for (const [id, expected] of model.rows) {
          const { sessionId, idempotencyKey: key, state, attempts, runId, endedAt } = (await db.queue.get(id))!
          assert.deepEqual({ sessionId, key, state, attempts, runId }, expected)
          assert.equal(endedAt === null, isOpen(expected))
        }
        for (const [id, { status }] of model.runs) assert.equal((await db.runs.get(id))?.status, status)
      }
      for (const [index, step] of steps.entries()) {
        const id = `${index}`
        if (step.act === 'crash') {
          await settled()
          await db.close()
          db = await open({ file })
          await check()
          const running = [...model.rows].filter(([, { state }]) => state === 'running').map(([id]) => id)
          const fates = new Map(
            running.map((id, index) => [id, ['queued', 'interrupted', 'failed'][step.fates[index % step.fates.length]!]!])
          )
          await db.queue.resolve({
            requeue: running.filter((id) => fates.get(id) === 'queued'),
            ends: (['interrupted', 'failed'] as const).flatMap((fate) =>
              running.filter((id) => fates.get(id) === fate).map((id) => ended(id, fate))
            ),
            now: index
          })
          model.resolve(fates)
          continue
        }
        const { sessionId } = step
        const known = [...model.rows].filter(([, row]) => row.sessionId === sessionId).map(([id]) => id)
        const ids = 'picks' in step ? step.picks.map((pick) => known.at(-1 - pick)).filter((id) => id !== undefined) : []
        if (step.act === 'accept') {
          const expected = model.accept(id, sessionId, step.key)
          const row = queued(id, { sessionId, idempotencyKey: step.key ?? undefined })
          calls.push(db.queue.accept(row).then((told) => assert.deepEqual(told, expected)))
        } else if (step.act === 'claim') {
          model.claim(sessionId, id, ids)
          calls.push(db.queue.claim({ sessionId, runId: id, ids, now: index }))
          if (step.awaited) await settled()
        } else if (step.act === 'settle') {
          const runId = step.ends ? (model.rows.get(ids[0] ?? '')?.runId ?? undefined) : undefined
          const run = runId === undefined ? {} : { run: { id: runId, status: 'completed', endedAt: index } as const }
          model.settle(ids, step.state, runId)
          calls.push(db.queue.settle({ ends: ids.map((id) => ended(id, step.state)), ...run, now: index }))
        } else {
          await settled()
          model.remove(sessionId)
          await db.sessions.remove(sessionId)
        }
      }
      await settled()
      await check()
      await db.close()
    }),
    { numRuns: rounds(50) }
  )
})
