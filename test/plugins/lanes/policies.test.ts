import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { open } from '../../../db/client.ts'
import type { QueuePolicy } from '../../../lanes/message.ts'
import { layered, Policies, type PolicyConfig } from '../../../plugins/lanes/policies.ts'

const DEFAULT: QueuePolicy = { mode: 'followup', cap: 20, overflow: 'drop_old', debounceMs: 250, summarizeOverflow: true }

async function rig(t: TestContext, config: Partial<PolicyConfig> = {}) {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  return { db, policies: new Policies({ config: { default: DEFAULT, channels: {}, ...config }, db, now: () => 5 }) }
}

test('each field is the one of the session, else of the channel, else of all', () => {
  const session = { mode: 'steer', cap: 1, overflow: 'drop_new', debounceMs: 0, summarizeOverflow: false } as const
  const channel = { mode: 'collect', cap: 2, overflow: 'drop_new', debounceMs: 1, summarizeOverflow: false } as const
  for (const field of Object.keys(DEFAULT) as (keyof QueuePolicy)[]) {
    const only = (policy: QueuePolicy) => ({ [field]: policy[field] })
    const cases: [Partial<QueuePolicy> | undefined, Partial<QueuePolicy> | undefined, unknown, string][] = [
      [undefined, undefined, DEFAULT[field], 'default'],
      [{}, {}, DEFAULT[field], 'default'],
      [only(channel), undefined, channel[field], 'channel'],
      [undefined, only(session), session[field], 'session'],
      [only(channel), only(session), session[field], 'session']
    ]
    for (const [ofChannel, ofSession, value, from] of cases) {
      const { policy, origin } = layered(DEFAULT, ofChannel, ofSession)
      assert.deepEqual(policy, { ...DEFAULT, [field]: value })
      const usual = { mode: 'default', cap: 'default', overflow: 'default', debounceMs: 'default', summarizeOverflow: 'default' }
      assert.deepEqual(origin, { ...usual, [field]: from })
    }
  }
  const { policy, origin } = layered(DEFAULT, { mode: 'collect', cap: 2 }, { cap: 3, debounceMs: 0 })
  assert.deepEqual(policy, { ...DEFAULT, mode: 'collect', cap: 3, debounceMs: 0 })
  assert.deepEqual(Object.values(origin), ['channel', 'session', 'default', 'session', 'default'])
})

test('the channel of a session is what stands before the first colon of its id', async (t) => {
  const { policies } = await rig(t, { channels: { telegram: { mode: 'collect' }, 'a.b': { cap: 1 } } })
  assert.equal((await policies.resolve('telegram:1')).mode, 'collect')
  assert.equal((await policies.resolve('telegram:1:2')).mode, 'collect')
  assert.equal((await policies.resolve('a.b:telegram')).cap, 1)
  for (const id of ['ws:telegram', 'Telegram:1', 'telegra:1', 'constructor:1', '__proto__:1', 'toString:1']) {
    assert.deepEqual(await policies.resolve(id), DEFAULT, id)
  }
})

test('the mode of one message replaces the mode and nothing else', async (t) => {
  const { policies } = await rig(t)
  await policies.override('ws:1', { mode: 'collect', cap: 2 })
  assert.deepEqual(await policies.resolve('ws:1', 'interrupt'), { ...DEFAULT, mode: 'interrupt', cap: 2 })
  assert.equal((await policies.resolve('ws:1')).mode, 'collect')
})

test('what is set for a session is kept, added to, and taken back', async (t) => {
  const { db, policies } = await rig(t)
  await policies.override('ws:1', { mode: 'collect' })
  await policies.override('ws:1', { cap: 3 })
  await policies.override('ws:1', { mode: 'steer' })
  const row = await db.sessions.get('ws:1')
  assert.equal(row?.createdAt, 5, 'it is made by the first setting')
  assert.deepEqual(row?.config, { queue: { mode: 'steer', cap: 3 } })
  assert.deepEqual(policies.effective(row), { ...DEFAULT, mode: 'steer', cap: 3 })
  assert.deepEqual(
    await new Policies({ config: { default: DEFAULT, channels: {} }, db }).resolve('ws:1'),
    policies.effective(row)
  )
  assert.deepEqual(await policies.resolve('ws:2'), DEFAULT)
  await policies.reset('ws:1')
  assert.deepEqual((await db.sessions.get('ws:1'))?.config, {})
  assert.deepEqual(await policies.resolve('ws:1'), DEFAULT)
})

test('nothing else that is set for the session is touched', async (t) => {
  const { db, policies } = await rig(t)
  const other = { modelTier: 'fast' }
  await db.sessions.configure('ws:1', other, 1)
  await policies.override('ws:1', { cap: 3 })
  assert.deepEqual((await db.sessions.get('ws:1'))?.config, { ...other, queue: { cap: 3 } })
  await policies.reset('ws:1')
  assert.deepEqual((await db.sessions.get('ws:1'))?.config, other)
})

test('changes made at the same time do not lose one another, and a message after them sees them', async (t) => {
  const { policies } = await rig(t)
  const changes = [
    policies.override('ws:1', { mode: 'collect' }),
    policies.override('ws:1', { cap: 3 }),
    policies.override('ws:2', { cap: 4 }),
    policies.override('ws:1', { debounceMs: 1 })
  ]
  const seen = policies.resolve('ws:1')
  await Promise.all(changes)
  assert.deepEqual(await seen, { ...DEFAULT, mode: 'collect', cap: 3, debounceMs: 1 })
  assert.deepEqual(await policies.resolve('ws:2'), { ...DEFAULT, cap: 4 })
  await Promise.all([policies.reset('ws:1'), policies.override('ws:1', { cap: 9 })])
  assert.deepEqual(await policies.resolve('ws:1'), { ...DEFAULT, cap: 9 })
})

test('what was set is gone with the session, and asking makes none', async (t) => {
  const { db, policies } = await rig(t)
  await policies.override('ws:1', { cap: 3 })
  await db.sessions.remove('ws:1')
  assert.deepEqual(await policies.resolve('ws:1'), DEFAULT)
  await policies.reset('ws:1')
  assert.equal(await db.sessions.get('ws:1'), undefined)
  await db.sessions.open('ws:1', 1)
  assert.deepEqual(await policies.resolve('ws:1'), DEFAULT)
})
