import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { connect, type GatewayClient, RpcError } from '../../../rpc/client/index.ts'
import { FakeError, FakeGateway } from '../../../rpc/client/testing.ts'
import { assertWhole, collect, eagerClock } from './fixtures.ts'

function rigOf(t: TestContext): { fake: FakeGateway; gateway: GatewayClient } {
  const fake = new FakeGateway()
  const gateway = connect('ws://fake', { WebSocket: fake.WebSocket, clock: eagerClock })
  t.after(() => gateway.close())
  return { fake, gateway }
}

test('the fake gateway answers messages with a script', async (t) => {
  const { fake, gateway } = rigOf(t)
  fake.agent = function* ({ message }) {
    yield 'You said: '
    yield { event: 'tool_start', data: { tool: 'echo', args: {}, callId: '1' } }
    yield message
  }
  const run = gateway.session('cli:me').send('hello')
  assert.equal((await run).content, 'You said: hello')
  assert.deepEqual(
    (await collect(run)).map(({ event, seq }) => [event, seq]),
    [
      ['content', 1],
      ['tool_start', 2],
      ['content', 3],
      ['done', 4]
    ]
  )
})

test('the fake gateway loses connections, and the client resumes', async (t) => {
  const { fake, gateway } = rigOf(t)
  const words = ['one ', 'two ', 'three ', 'four ']
  fake.agent = async function* () {
    for (const word of words) {
      yield word
      fake.disconnect()
    }
  }
  const followed = gateway.session('cli:me').follow()
  const run = gateway.session('cli:me').send('count')
  assert.equal((await run).content, words.join(''))
  assertWhole(await collect(run))
  const overheard = []
  for await (const event of followed) {
    overheard.push(event)
    if (event.event === 'done') break
  }
  assert.equal(assertWhole(overheard), 1)
  assert.equal(fake.requests.filter(({ method }) => method === 'agent.send').length, 1)
})

test('the fake gateway answers methods, errors and extension events', async (t) => {
  const { fake, gateway } = rigOf(t)
  fake.method('sessions.list', ({ limit }) => ({ sessions: [], total: limit ?? 0 }))
  fake.method('sessions.delete', () => {
    throw new FakeError(1, 'There is no session', { retryable: false })
  })
  assert.deepEqual(await gateway.call('sessions.list', { limit: 7 }), { sessions: [], total: 7 })
  await assert.rejects(
    gateway.call('sessions.delete', { sessionId: 'cli:me' }),
    (error) => error instanceof RpcError && error.code === 1
  )
  await assert.rejects(gateway.call('canvas.clear'), /FakeGateway has no canvas\.clear/)
  const heard = new Promise((resolve) => gateway.on('shutdown', resolve))
  fake.notify('shutdown', { graceMs: 5 })
  assert.deepEqual(await heard, { graceMs: 5 })
})

test('a message can be cancelled, and its agent fail', async (t) => {
  const { fake, gateway } = rigOf(t)
  const begun = Promise.withResolvers<void>()
  fake.agent = async function* ({ signal }) {
    yield 'working'
    begun.resolve()
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
  }
  const session = gateway.session('cli:me')
  const cancelled = session.send('long')
  await begun.promise
  assert.equal(await cancelled.cancel(), true)
  await assert.rejects(Promise.resolve(cancelled), { code: 4 })
  assert.equal(await cancelled.cancel(), false)
  // biome-ignore lint/correctness/useYield: it fails before it says anything
  fake.agent = function* () {
    throw new FakeError(5, 'out of ideas')
  }
  await assert.rejects(collect(session.send('short')), { code: 5, message: 'out of ideas' })
})

test('a message waits for the network, and can be taken back', async (t) => {
  const fake = new FakeGateway()
  fake.reachable = false
  const gateway = connect('ws://fake', { WebSocket: fake.WebSocket, clock: eagerClock })
  t.after(() => gateway.close())
  const waiting = gateway.session('cli:me').send('first')
  const taken = gateway.session('cli:me').send('second')
  assert.deepEqual(gateway.session('cli:me').unsettled(), [waiting, taken])
  assert.equal(await taken.cancel(), true)
  await assert.rejects(Promise.resolve(taken), { code: 4 })
  fake.reachable = true
  gateway.wake()
  assert.equal((await waiting).content, 'first')
  assert.deepEqual(
    fake.requests.filter(({ method }) => method === 'agent.send').map(({ params }) => params.message),
    ['first']
  )
})
