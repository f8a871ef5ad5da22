import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { type Db, open } from '../../../db/client.ts'
import { CLEARED_EVERY, MAX_SENDERS, Presence, type Sender } from '../../../plugins/presence/index.ts'
import { build, connect, rejection, scratch } from '../../helper.ts'
import { post } from '../../routes/post.ts'

interface Options {
  readonly store?: Partial<Db['presence']>
}

async function rig(t: TestContext, { store }: Options = {}) {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  const errors: unknown[][] = []
  const clock = { now: 1_739_700_000_000 }
  const presence = new Presence({
    store: { ...db.presence, ...store },
    offlineAfterMs: () => 300_000,
    log: { error: (...line: unknown[]) => errors.push(line) },
    now: () => clock.now
  })
  return { db, presence, errors, clock }
}

const ALICE: Sender = { channel: 'telegram', senderId: '123456', senderName: 'alice' }

test('a sender is online for the configured time after each message', async (t) => {
  const { presence, clock } = await rig(t)
  const first = clock.now
  presence.seen(ALICE)
  clock.now += 1000
  presence.seen(ALICE)
  const row = { ...ALICE, firstSeenAt: first, lastSeenAt: first + 1000, messageCount: 2 }
  clock.now += 300_000
  assert.deepEqual(await presence.list({ limit: 50 }), {
    presence: [{ ...row, status: 'online' }],
    summary: { total: 1, online: 1, offline: 0 }
  })
  clock.now += 1
  assert.deepEqual(await presence.list({ limit: 50 }), {
    presence: [{ ...row, status: 'offline' }],
    summary: { total: 1, online: 0, offline: 1 }
  })
})

test('one sender on two channels is two, seen last first', async (t) => {
  const { presence, clock } = await rig(t)
  for (const channel of ['telegram', 'teams', 'ws']) {
    presence.seen({ channel, senderId: '1' })
    clock.now += 200_000
  }
  const { presence: all, summary } = await presence.list({ limit: 2 })
  assert.deepEqual(
    all.map(({ channel, senderName, status }) => [channel, senderName, status]),
    [
      ['ws', null, 'online'],
      ['teams', null, 'offline']
    ]
  )
  assert.deepEqual(summary, { total: 3, online: 1, offline: 2 })
  assert.deepEqual((await presence.list({ status: 'offline', channel: 'teams', limit: 9 })).summary, {
    total: 1,
    online: 0,
    offline: 1
  })
})

test('what a sender says of itself is made fit to be shown, and cut', async (t) => {
  const { presence } = await rig(t)
  presence.seen({
    channel: 'c'.repeat(100),
    senderId: `1\n${'x'.repeat(1000)}`,
    senderName: `ev\u202eil\u0000${'y'.repeat(1000)}`
  })
  const [row] = (await presence.list({ limit: 1 })).presence
  assert.equal(row?.channel, `${'c'.repeat(64)}…`)
  assert.match(row?.senderId ?? '', /^1 x{254}…$/)
  assert.match(row?.senderName ?? '', /^ev il y{250}…$/)
})

test('beyond the limit the senders seen longest ago are forgotten', async (t) => {
  const kept: number[] = []
  const { presence, db } = await rig(t, { store: { keep: async (most) => void kept.push(most) } })
  for (let n = 0; n < 2 * CLEARED_EVERY + 1; n++) {
    presence.seen({ channel: 'webchat', senderId: `${n % (2 * CLEARED_EVERY)}` })
  }
  await presence.flush()
  assert.deepEqual(kept, [MAX_SENDERS, MAX_SENDERS], 'after each hundred of new ones')
  assert.equal((await db.presence.list({ onlineSince: 0, limit: 1 })).total, 2 * CLEARED_EVERY)
})

test('a failing database is logged and holds up no message', async (t) => {
  const { presence, errors } = await rig(t, { store: { seen: () => Promise.reject(new Error('disk full')) } })
  presence.seen(ALICE)
  await presence.flush()
  assert.deepEqual(
    errors.map(([line, text]) => [String((line as { err: Error }).err), text]),
    [['Error: disk full', 'failed to record presence']]
  )
})

test('sightings that cannot be written do not pile up without end', async (t) => {
  const stuck = Promise.withResolvers<{ created: boolean }>()
  let asked = 0
  const { presence } = await rig(t, {
    store: {
      seen: () => {
        asked++
        return stuck.promise
      }
    }
  })
  for (let n = 0; n < 10_050; n++) presence.seen(ALICE)
  assert.equal(asked, 10_000)
  stuck.resolve({ created: false })
  await presence.flush()
  presence.seen(ALICE)
  assert.equal(asked, 10_001)
})

test('system.presence answers in the shape of the protocol, with the configured time', async (t) => {
  const { url, app } = await build(t, { config: { presence: { offline_after_seconds: 60 } } })
  const client = await connect(t, url)
  const before = Date.now()
  app.presence.seen(ALICE)
  await app.db.presence.seen({ channel: 'telegram', senderId: 'long ago', senderName: null }, before - 60_001)
  const answer = await client.call('system.presence', { channel: 'telegram', status: 'online', limit: 50 })
  const { firstSeenAt, lastSeenAt, ...row } = answer.presence[0]
  assert.deepEqual(row, { ...ALICE, messageCount: 1, status: 'online' })
  assert.ok(firstSeenAt === lastSeenAt && firstSeenAt >= before)
  assert.deepEqual(answer.summary, { total: 1, online: 1, offline: 0 })
  const offline = await client.call('system.presence', { status: 'offline', channel: 'telegram' })
  assert.deepEqual([offline.presence[0].senderId, offline.presence[0].senderName], ['long ago', null])
  assert.equal((await rejection(client.call('system.presence', { limit: 501 }))).code, -2)
  assert.equal((await rejection(client.call('system.presence', { status: 'away' }))).code, -2)
})

test('who was seen last is known after a restart, and too many are forgotten at the start', async (t) => {
  const dataDir = await scratch(t)
  const first = await build(t, { config: { dataDir } })
  for (let n = 0; n < MAX_SENDERS + 50; n++) first.app.presence.seen({ channel: 'webchat', senderId: `${n}` })
  await first.app.presence.flush()
  first.app.presence.seen(ALICE)
  await first.host.close()
  const { app } = await build(t, { config: { dataDir } })
  assert.equal((await app.presence.list({ limit: 1 })).summary.total, MAX_SENDERS)
  assert.equal((await app.presence.list({ limit: 1, channel: 'telegram' })).summary.total, 1)
})

test('a message over socket or HTTP records the principal of its credential', async (t) => {
  const tokens = [{ name: 'dash', token: 'token-of-dash', scopes: ['read' as const, 'write' as const] }]
  const { url } = await build(t, { config: { server: { tokens } } })
  const client = await connect(t, url, { token: 'token-of-dash' })
  await client.call('agent.send', { message: 'Hello', sessionId: 'telegram:forged' })
  await client.call('agent.send', { message: 'Hello' })
  await post(url, 'agent.send', { message: 'Hello' }, { token: 'token-of-dash' })
  const { presence, summary } = await client.call('system.presence')
  assert.deepEqual(
    presence.map(({ channel, senderId, messageCount }: Record<string, unknown>) => [channel, senderId, messageCount]),
    [
      ['http', 'token:dash', 1],
      ['ws', 'token:dash', 2]
    ]
  )
  assert.deepEqual(summary, { total: 2, online: 2, offline: 0 })
})
