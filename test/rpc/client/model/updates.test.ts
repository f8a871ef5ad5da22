import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { type ClientOptions, GatewayClient } from '../../../../rpc/client/index.ts'
import { SessionModel } from '../../../../rpc/client/model/index.ts'
import { FakeError, FakeGateway } from '../../../../rpc/client/testing.ts'
import { hold } from '../../../helper.ts'
import { isQuiet, said, when } from './fixtures.ts'

/** A model of a gateway in this process, whose updates run when the test says so. */
function play(t: TestContext, options: Partial<ClientOptions> = {}) {
  hold(t)
  const fake = new FakeGateway()
  fake.method('sessions.get', () => ({ id: 'cli:me', history: [], runs: [], older: false }) as never)
  fake.method('queue.get', () => ({ messages: [], state: 'idle' }) as never)
  fake.method('agent.setToolUseCallback', () => ({ success: true }))
  const errors: unknown[] = []
  const client = new GatewayClient({
    url: 'ws://fake',
    WebSocket: fake.WebSocket,
    onError: (error) => errors.push(error),
    ...options
  })
  t.after(() => client.close())
  return { fake, client, errors }
}

test('listeners hear of many events once a frame, and one that throws harms no other', async (t) => {
  const { fake, client, errors } = play(t)
  fake.agent = async function* () {
    for (let piece = 0; piece < 500; piece++) yield `${piece} `
  }
  const frames: (() => void)[] = []
  const model = new SessionModel(client, 'cli:me', { schedule: (run) => void frames.push(run) })
  let heard = 0
  t.after(
    model.subscribe(() => {
      throw new Error('mine')
    })
  )
  t.after(model.subscribe(() => heard++))
  client.connect()
  await client.ready
  const run = model.send('go')
  await Promise.all(client.session('cli:me').unsettled())
  await new Promise((resolve) => setTimeout(resolve))
  assert.equal(frames.length, 1)
  frames[0]?.()
  assert.deepEqual([heard, errors.map(String)], [1, ['Error: mine']])
  assert.equal(model.getSnapshot().turns[0]?.key, run)
})

test('without a subscriber nothing is followed, and with one again everything is there', async (t) => {
  const { fake, client } = play(t)
  client.connect()
  const model = new SessionModel(client, 'cli:me')
  const leave = model.subscribe(() => {})
  leave()
  // A page that draws a part anew.
  const stay = model.subscribe(() => {})
  await when(model, ({ history }) => history.loaded)
  const subscriptions = (): number => fake.requests.filter(({ method }) => method === 'sessions.subscribe').length
  assert.equal(subscriptions(), 1)
  stay()
  await new Promise((resolve) => setTimeout(resolve))
  assert.equal(model.followed, false)
  const key = model.send('say so')
  await Promise.all(client.session('cli:me').unsettled())
  t.after(model.subscribe(() => {}))
  await when(model, ({ turns, lane }) => turns[0]?.state === 'done' && lane)
  assert.deepEqual([subscriptions(), said(model.getSnapshot())], [2, ['done: > say so | say so']])
  assert.equal(model.getSnapshot().turns[0]?.key, key)
})

test('the reply to a command is a turn of its own kind', async (t) => {
  const { fake, client } = play(t)
  fake.method('agent.send', () => ({ content: 'A new conversation begins', usage: {}, runId: 'r' }) as never)
  client.connect()
  const model = new SessionModel(client, 'cli:me')
  t.after(model.subscribe(() => {}))
  model.send('/new')
  const { turns } = await when(model, (one) => isQuiet(one) && one.turns.length === 1)
  assert.deepEqual(turns[0]?.parts[1], { kind: 'reply', text: 'A new conversation begins', begins: true })
})

test('a dropped message says so, and can be sent again under a new key', async (t) => {
  const { fake, client } = play(t)
  const queue = { code: 'overflow', laneId: 'cli:me', mode: 'followup', overflow: 'drop_old', droppedCount: 1 }
  fake.method('agent.send', () => {
    throw new FakeError(3, 'Dropped', { queue })
  })
  client.connect()
  const model = new SessionModel(client, 'cli:me')
  t.after(model.subscribe(() => {}))
  const key = model.send('important')
  const { turns } = await when(model, (one) => one.turns[0]?.state === 'failed')
  assert.deepEqual(turns[0]?.error, { code: 3, message: 'Dropped', cause: 'overflow' })
  const again = model.retry(key)
  assert.notEqual(again, key)
  await when(model, (one) => one.turns[0]?.state === 'failed' && one.turns[0].key === again)
  assert.equal(model.getSnapshot().turns.length, 1)
  const keys = fake.requests.filter(({ method }) => method === 'agent.send').map(({ params }) => params.idempotencyKey)
  assert.deepEqual(keys, [key, again])
  assert.deepEqual(model.discard(again ?? '')?.text, 'important')
  assert.deepEqual(model.getSnapshot().turns, [])
})

test('a client that is refused keeps the message, and retry sends it with the same key', async (t) => {
  let refuse = true
  const { fake, client } = play(t, {
    admit: async () => (refuse ? { refused: { code: -5, message: 'Authentication failed' } } : {})
  })
  const model = new SessionModel(client, 'cli:me')
  t.after(model.subscribe(() => {}))
  const key = model.send('say hello')
  client.connect()
  const { turns, error } = await when(model, (one) => one.turns[0]?.state === 'failed')
  assert.deepEqual(turns[0]?.error, { code: -5, message: 'Authentication failed', cause: 'offline' })
  assert.deepEqual(error, { code: -5, message: 'Authentication failed' })
  refuse = false
  client.connect()
  assert.equal(model.retry(key), key)
  fake.agent = async function* () {
    yield 'hello'
  }
  assert.deepEqual(said(await when(model, (one) => isQuiet(one) && one.turns[0]?.state === 'done')), [
    'done: > say hello | hello'
  ])
  assert.equal(model.getSnapshot().error, undefined)
})
