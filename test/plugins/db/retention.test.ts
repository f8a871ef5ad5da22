import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { type Db, open } from '../../../db/client.ts'
import { Retention, type RetentionOptions } from '../../../plugins/db/retention.ts'

const DAY = 86_400_000
const NOW = 1000 * DAY

async function rig(t: TestContext, settings: Partial<ReturnType<RetentionOptions['settings']>> = {}) {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  const errors: string[] = []
  const log = { info: () => {}, error: (...args: unknown[]) => void errors.push(String(args[1])) }
  const current = { runsDays: 30, auditDays: 30, presenceDays: 90, ...settings }
  const build = (overrides: Partial<Db> = {}) =>
    new Retention({ db: { ...db, ...overrides }, settings: () => current, log, now: () => NOW })
  return { db, errors, build, current }
}

/** Something of each age in days, of each kind. */
async function fill(db: Db, ages: readonly number[]): Promise<void> {
  for (const age of ages) {
    const at = NOW - age * DAY
    const sessionId = `ws:${age}`
    await db.sessions.open(sessionId, at)
    await db.messages.append({ sessionId, runId: `r${age}`, role: 'user', content: 'Hello', createdAt: at })
    await db.audit.append({ at, event: 'tool.run', actor: `${age}`, detail: {} })
    await db.presence.seen({ channel: 'ws', senderId: `${age}`, senderName: null }, at)
    const message = {
      id: `m${age}`,
      sessionId,
      owner: 'local',
      priority: 'person',
      preview: '',
      acceptedAt: at,
      body: null
    } as const
    const policy = { mode: 'followup', cap: 1, overflow: 'drop_old', debounceMs: 0, summarizeOverflow: true } as const
    await db.queue.accept({ ...message, policy })
    await db.queue.claim({ sessionId, runId: `r${age}`, ids: [`m${age}`], now: at })
    await db.queue.settle({ ends: [], run: { id: `r${age}`, status: 'completed', endedAt: at }, now: at })
  }
}

async function ages(db: Db) {
  const sessions = await db.sessions.list({ limit: 99, offset: 0 })
  const messages = sessions.rows.filter(({ messageCount }) => messageCount > 0).map(({ id }) => Number(id.slice(3)))
  return {
    runs: (await db.runs.list({ limit: 99 })).rows.map(({ id }) => Number(id.slice(1))),
    messages,
    audit: (await db.audit.list({ limit: 99 })).map(({ actor }) => Number(actor)),
    presence: (await db.presence.list({ onlineSince: 0, limit: 99 })).rows.map(({ senderId }) => Number(senderId))
  }
}

test('data is deleted past its retention, messages only if configured', async (t) => {
  const { db, build, current } = await rig(t)
  await fill(db, [91, 90, 31, 30, 1])
  await build().purge()
  assert.deepEqual(await ages(db), {
    runs: [1, 30],
    messages: [1, 30, 31, 90, 91],
    audit: [1, 30],
    presence: [1, 30, 31, 90]
  })
  Object.assign(current, { messagesDays: 30, runsDays: 1 })
  await build().purge()
  const left = await ages(db)
  assert.deepEqual([left.messages, left.runs], [[1, 30], [1]])
  assert.equal((await db.sessions.list({ limit: 9, offset: 0 })).total, 5)
})

test('a purge of much data lets the event loop run between steps', async (t) => {
  const { db, build } = await rig(t, { messagesDays: 1 })
  await db.sessions.open('ws:a', 1)
  for (let n = 0; n < 1000; n++) {
    await db.messages.append({ sessionId: 'ws:a', runId: 'r', role: 'user', content: 'Hello', createdAt: 1 })
  }
  const seen = new Set<number>()
  let counting = true
  const count = async (): Promise<void> => {
    while (counting) {
      seen.add((await db.sessions.get('ws:a'))!.messageCount)
      await new Promise(setImmediate)
    }
  }
  const counted = count()
  await build().purge()
  counting = false
  await counted
  assert.ok(seen.size > 3, `seen in between: ${[...seen]}`)
  assert.equal((await db.sessions.get('ws:a'))?.messageCount, 0)
  assert.deepEqual(await db.messages.history('ws:a'), [])
})

test('a failed purge of one kind is logged and the others go on', async (t) => {
  const { db, errors, build } = await rig(t)
  await fill(db, [91])
  const runs: Db['runs'] = { ...db.runs, purge: async () => await Promise.reject(new Error('disk full')) }
  await build({ runs }).purge()
  assert.deepEqual(errors, ['failed to delete old runs'])
  assert.deepEqual((await ages(db)).audit, [])
})

test('a purge ends after its current step when the gateway stops', async (t) => {
  const { db, build } = await rig(t)
  let steps = 0
  const runs: Db['runs'] = { ...db.runs, purge: async () => ++steps }
  const retention = build({ runs })
  const purging = retention.purge()
  assert.equal(retention.purge(), purging)
  await retention.stop()
  await purging
  assert.equal(steps, 1)
})
