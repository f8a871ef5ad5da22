import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { open } from '../../../db/client.ts'
import { type Channel, type Delivery, DeliveryError } from '../../../plugins/channels/define.ts'
import { Outbox } from '../../../plugins/channels/outbox.ts'
import { FakeClock } from '../../lanes/fixtures.ts'

/** An outbox with a channel whose deliveries end when the test says so. */
async function rig(t: TestContext) {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  const clock = new FakeClock()
  const calls: (Delivery & { ok(): void; fail(error: Error): void })[] = []
  const channel: Channel = {
    name: 'test',
    limit: 10,
    deliver: (delivery) =>
      new Promise((resolve, reject) => {
        calls.push({ ...delivery, ok: resolve, fail: reject })
        delivery.signal.addEventListener('abort', () => reject(delivery.signal.reason), { once: true })
      })
  }
  const logged: object[] = []
  const log = { warn: (line: object) => logged.push(line), error: (line: object) => logged.push(line) } as never
  const make = () => new Outbox({ store: db.outbox, channel: (name) => (name === 'test' ? channel : undefined), clock, log })
  const outbox = make()
  t.after(async () => {
    const closed = outbox.close()
    await clock.advance(3000)
    await closed
  })
  const say = (text: string, conversation = '1', channel = 'test') =>
    db.outbox.add({ channel, conversation, text, context: { thread: conversation } }, clock.now())
  const settled = async () => {
    for (let turn = 0; turn < 10; turn++) await setImmediate()
  }
  return { db, clock, calls, outbox, make, say, settled, logged, left: async () => (await db.outbox.due(1e15, 99)).length }
}

test('a post is delivered with its context, and removed', async (t) => {
  const { outbox, say, calls, settled, left } = await rig(t)
  await say('Hello')
  outbox.look()
  await settled()
  assert.deepEqual(
    calls.map(({ conversation, context, text }) => [conversation, context, text]),
    [['1', { thread: '1' }, 'Hello']]
  )
  calls[0]!.ok()
  await settled()
  assert.equal(await left(), 0)
})

test('in a conversation one thing is said after the other; conversations do not wait for each other', async (t) => {
  const { outbox, say, calls, settled } = await rig(t)
  for (const text of ['a1', 'a2']) await say(text)
  await say('b1', '2')
  outbox.look()
  outbox.look()
  await settled()
  assert.deepEqual(
    calls.map(({ text }) => text),
    ['a1', 'b1']
  )
  calls[0]!.ok()
  await settled()
  assert.deepEqual(
    calls.map(({ text }) => text),
    ['a1', 'b1', 'a2']
  )
})

test('a long answer goes in parts, and goes on where it stopped, each part with an id that stays', async (t) => {
  const { outbox, say, calls, settled, clock } = await rig(t)
  await say('first one second one third one')
  outbox.look()
  await settled()
  calls[0]!.ok()
  await settled()
  calls[1]!.fail(new DeliveryError('busy', { retryable: true, retryAfterMs: 5000 }))
  await settled()
  await clock.advance(4999)
  await settled()
  assert.equal(calls.length, 2)
  await clock.advance(2001)
  await settled()
  assert.deepEqual(
    calls.map(({ text }) => text),
    ['first one', 'second one', 'second one']
  )
  assert.equal(calls[1]!.id, calls[2]!.id)
  assert.notEqual(calls[0]!.id, calls[1]!.id)
  calls[2]!.ok()
  await settled()
  assert.equal(calls[3]!.text, 'third one')
})

test('a pause that a platform asks for is kept, and never shortens the own one', async (t) => {
  const { outbox, say, calls, settled, clock } = await rig(t)
  await say('Hello')
  outbox.look()
  await settled()
  calls[0]!.fail(new DeliveryError('slow down', { retryable: true, retryAfterMs: 0 }))
  await settled()
  assert.equal(calls.length, 1, 'at once would be as fast as it can refuse')
  await clock.advance(4000)
  await settled()
  calls[1]!.fail(new DeliveryError('slow down', { retryable: true, retryAfterMs: 30 * 60_000 }))
  await settled()
  for (let minute = 0; minute < 29; minute++) await clock.advance(60_000)
  await settled()
  assert.equal(calls.length, 2)
  await clock.advance(120_000)
  await settled()
  assert.equal(calls.length, 3)
})

test('what cannot be tried again is given up, said in the log, and holds up nothing', async (t) => {
  const { outbox, say, calls, settled, logged } = await rig(t)
  await say('refused')
  await say('next')
  await say('unknown', '3', 'gone')
  outbox.look()
  await settled()
  calls[0]!.fail(new DeliveryError('the token Bearer abcdefgh12345 is wrong', { retryable: false }))
  await settled()
  assert.deepEqual(
    calls.map(({ text }) => text),
    ['refused', 'next']
  )
  assert.equal(logged.length, 2)
  assert.ok(!JSON.stringify(logged).includes('abcdefgh12345'))
})

test('an error that says nothing of itself is tried again, ever more rarely, and given up after a day', async (t) => {
  const { outbox, say, calls, settled, clock, left } = await rig(t)
  await say('Hello')
  outbox.look()
  await settled()
  let tries = 0
  while ((await left()) > 0) {
    if (calls.length > tries) calls[tries++]!.fail(new Error('socket hang up'))
    await settled()
    await clock.advance(60_000)
    await settled()
  }
  assert.ok(tries > 100 && tries < 400, `${tries} tries`)
})

test('a delivery cut off by the end of the process is repeated by the next', async (t) => {
  const { outbox, make, say, calls, settled, clock, left } = await rig(t)
  await say('Hello')
  outbox.look()
  await settled()
  const closed = outbox.close()
  await clock.advance(3000)
  await closed
  assert.equal(await left(), 1)
  const next = make()
  next.look()
  await settled()
  assert.deepEqual(
    calls.map(({ id }) => id),
    [calls[0]!.id, calls[0]!.id]
  )
  calls[1]!.ok()
  await settled()
  assert.equal(await left(), 0)
  await next.close()
})

test('due posts are sent before the process ends, if that is quick', async (t) => {
  const { outbox, say, calls, settled, left } = await rig(t)
  for (const text of ['one', 'two']) await say(text)
  const closed = outbox.close()
  await settled()
  calls[0]!.ok()
  await settled()
  calls[1]!.ok()
  await closed
  assert.equal(await left(), 0)
})
