import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import {
  type ClientOptions,
  type ConnectionState,
  Disconnected,
  GatewayClient,
  RpcError,
  TimedOut
} from '../../../rpc/client/index.ts'
import { FakeClock, type ScriptedGateway, startScripted } from './scripted-gateway.ts'

function clientOf(t: TestContext, gateway: Pick<ScriptedGateway, 'url'>, options: Omit<ClientOptions, 'url'> = {}) {
  const clock = new FakeClock()
  const states: ConnectionState[] = []
  let wake = (): void => {}
  const client = new GatewayClient({ clock, ...options, url: gateway.url })
  client.onState((state) => {
    states.push(state)
    wake()
  })
  t.after(() => client.close())
  const until = async <N extends ConnectionState['name']>(name: N): Promise<Extract<ConnectionState, { name: N }>> => {
    while (client.state.name !== name) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    return client.state as Extract<ConnectionState, { name: N }>
  }
  return { client, clock, states, until }
}

async function connected(t: TestContext, options: Omit<ClientOptions, 'url'> = {}) {
  const gateway = await startScripted(t)
  const parts = clientOf(t, gateway, options)
  parts.client.connect()
  await parts.until('connected')
  return { gateway, ...parts }
}

const outcome = (promise: PromiseLike<unknown>) =>
  promise.then(
    (value) => value,
    (error) => error
  )

/** A call and its answer: whatever was sent before has come. */
async function answered(gateway: ScriptedGateway, client: GatewayClient): Promise<void> {
  const before = gateway.requests.length
  const answer = client.call('queue.get', { sessionId: 'a:b' })
  await gateway.until(() => gateway.requests.length > before)
  gateway.send({ id: gateway.requests.at(-1)!.id, result: {} })
  await answer
}

test('a client does nothing until it connects', async (t) => {
  const gateway = await startScripted(t)
  const { client, states, until } = clientOf(t, gateway)
  assert.deepEqual([client.state.name, states.length, gateway.sockets.length], ['stopped', 0, 0])
  const ready = client.ready
  client.connect()
  await until('connected')
  assert.equal((await ready).version, '1.2.3')
  assert.deepEqual(
    states.map(({ name }) => name),
    ['connecting', 'connected']
  )
})

test('a listener that comes while the gateway greets is asked for', async (t) => {
  const gateway = await startScripted(t)
  const { client, until } = clientOf(t, gateway)
  gateway.welcoming = false
  client.connect()
  await gateway.until(() => gateway.hellos.length === 1)
  client.on('reasoning', () => {})
  gateway.welcome(gateway.hellos[0]!)
  await until('connected')
  await gateway.until(() => gateway.hellos.length === 2)
  assert.deepEqual(
    gateway.hellos.map(({ params }) => params?.events),
    [['accepted'], ['accepted', 'reasoning']]
  )
})

test('the token goes as a subprotocol and is asked for at each connect', async (t) => {
  let asked = 0
  const { gateway, clock, until } = await connected(t, { token: async () => `tökén ${++asked}` })
  gateway.sockets[0]!.terminate()
  clock.advance((await until('waiting')).at - clock.time)
  await until('connected')
  const tokens = gateway.offered.map((offered) => Buffer.from(offered.split('bearer.')[1]!, 'base64url').toString())
  assert.deepEqual(tokens, ['tökén 1', 'tökén 2'])
})

test('the first connect is tried again like every other', async (t) => {
  const { client, clock, states, until } = clientOf(t, { url: 'ws://127.0.0.1:9/' })
  client.connect()
  const delays: number[] = []
  for (let attempt = 0; attempt < 8; attempt++) {
    const { at } = await until('waiting')
    delays.push(at - clock.time)
    clock.advance(at - clock.time)
  }
  assert.deepEqual(delays, [500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000])
  assert.ok(states.every(({ name }) => name !== 'refused'))
})

test('the pause is anything from nothing to its limit', async (t) => {
  for (const [random, delay] of [
    [0, 0],
    [0.9999, 1000]
  ] as const) {
    const { client, clock, until } = clientOf(t, { url: 'ws://127.0.0.1:9/' })
    clock.random = () => random
    client.connect()
    assert.equal((await until('waiting')).at - clock.time, delay)
  }
})

test('a connection that held resets the pause', async (t) => {
  const { gateway, clock, until } = await connected(t)
  for (const [held, delay] of [
    [1, 500],
    [1, 1000],
    [20_000, 500]
  ] as const) {
    clock.advance(held)
    gateway.sockets.at(-1)!.terminate()
    const { at } = await until('waiting')
    assert.equal(at - clock.time, delay)
    clock.advance(at - clock.time)
    await until('connected')
  }
})

for (const code of [1008, 4404, 4401]) {
  test(`closing code ${code} ends the connection until connect()`, async (t) => {
    const { gateway, client, clock, until } = await connected(t)
    const waiting = outcome(client.call('system.info'))
    gateway.send({ id: null, error: { code: -5, message: 'revoked' } })
    gateway.sockets[0]!.close(code, 'revoked')
    assert.deepEqual(await until('refused'), { name: 'refused', code: -5, message: 'revoked' })
    assert.ok((await waiting) instanceof Disconnected)
    assert.ok((await outcome(client.call('system.info'))) instanceof RpcError)
    clock.advance(1e9)
    assert.equal(gateway.sockets.length, 1)
    client.connect()
    await until('connected')
  })
}

test('a token function is asked once more after 4401, and only once', async (t) => {
  const gateway = await startScripted(t)
  const tokens = ['old', 'new', 'newer']
  gateway.greet = (socket) => gateway.offered.length !== 2 && socket.close(4401, 'wrong token')
  const { client, until, states } = clientOf(t, gateway, { token: () => tokens.shift()! })
  client.connect()
  await until('connected')
  assert.deepEqual(
    states.map(({ name }) => name),
    ['connecting', 'connecting', 'connected']
  )
  gateway.sockets.at(-1)!.close(4401, 'expired')
  assert.equal((await until('refused')).message, 'wrong token')
  assert.equal(gateway.offered.length, 3)
  assert.equal(tokens.length, 0)
})

test('1013 is tried again, not before retryAfterMs', async (t) => {
  const { gateway, clock, until } = await connected(t)
  gateway.send({ id: null, error: { code: 3, message: 'too slow', data: { retryAfterMs: 60_000 } } })
  gateway.sockets[0]!.close(1013, 'slow consumer')
  const { at, reason } = await until('waiting')
  assert.equal(at - clock.time, 60_000)
  assert.match(reason, /slow consumer/)
})

test('an admission can hold back an attempt, or refuse it', async (t) => {
  const answers = [{ retry: { reason: 'locked out', afterMs: 5000 } }, { refused: { code: -4, message: 'log in' } }]
  const gateway = await startScripted(t)
  const { client, clock, until } = clientOf(t, gateway, { admit: async () => answers.shift() ?? {} })
  client.connect()
  const { at, reason } = await until('waiting')
  assert.deepEqual([at - clock.time, reason], [5000, 'locked out'])
  clock.advance(5000)
  assert.deepEqual(await until('refused'), { name: 'refused', code: -4, message: 'log in' })
  assert.equal(gateway.sockets.length, 0)
})

test('a gateway that never answers the handshake is given up', async (t) => {
  const gateway = await startScripted(t)
  gateway.welcoming = false
  const { client, clock, until } = clientOf(t, gateway)
  client.connect()
  await gateway.until(() => gateway.sockets.length === 1)
  clock.advance(15_000)
  assert.match((await until('waiting')).reason, /does not answer/)
})

test('a dead connection is noticed by its silence', async (t) => {
  const { gateway, clock, until } = await connected(t)
  clock.advance(30_000)
  await gateway.request('system.info')
  clock.advance(10_000)
  assert.match((await until('waiting')).reason, /no longer answers/)
})

test('a sign of life is any frame', async (t) => {
  const { gateway, client, clock } = await connected(t)
  const heard = new Promise((resolve) => client.on('shutdown', resolve))
  await gateway.until(() => gateway.sockets.length === 1)
  clock.advance(30_000)
  const { id } = await gateway.request('system.info')
  gateway.send({ id: null, event: 'shutdown', data: { graceMs: 1 } })
  await heard
  clock.advance(10_000)
  assert.equal(client.state.name, 'connected')
  gateway.send({ id, result: {} })
  clock.advance(30_000)
  await gateway.request('system.info', 2)
})

test('after a sleep a living connection gets its time to answer', async (t) => {
  const { gateway, client, clock } = await connected(t)
  clock.advance(30_000)
  const { id } = await gateway.request('system.info')
  // The timer of the sign of life is hours late: the answer lies unread in the socket.
  clock.sleep(8 * 3_600_000)
  assert.equal(client.state.name, 'connected')
  gateway.send({ id, result: {} })
  await answered(gateway, client)
  clock.advance(10_000)
  assert.equal(client.state.name, 'connected')
})

test('a clock that is set back or forward breaks nothing', async (t) => {
  const { gateway, client, clock } = await connected(t)
  clock.time -= 5 * 3_600_000
  clock.sleep(5 * 3_600_000 + 30_000)
  const { id } = await gateway.request('system.info')
  gateway.send({ id, result: {} })
  await answered(gateway, client)
  clock.time += 24 * 3_600_000
  await answered(gateway, client)
  assert.equal(client.state.name, 'connected')
})

test('a call in flight is not sent again', async (t) => {
  const { gateway, client, clock, until } = await connected(t)
  const lost = outcome(client.call('sessions.list'))
  await gateway.request('sessions.list')
  gateway.sockets[0]!.terminate()
  const error = await lost
  assert.ok(error instanceof Disconnected && error.sent)
  clock.advance((await until('waiting')).at - clock.time)
  await until('connected')
  const next = client.call('sessions.get', { sessionId: 'a:b' })
  const { id } = await gateway.request('sessions.get')
  gateway.send({ id, error: { code: 1, message: 'none', data: { retryable: false } } })
  const refused = (await outcome(next)) as RpcError
  assert.deepEqual([refused.name, refused.code, refused.retryable, refused.retryAfterMs], ['RpcError', 1, false, undefined])
  assert.equal(gateway.requests.filter(({ method }) => method === 'sessions.list').length, 1)
})

test('a call waits for the connection, and tells when it never left', async (t) => {
  const { client, clock } = clientOf(t, { url: 'ws://127.0.0.1:9/' })
  const late = outcome(client.call('system.info', {}, { timeoutMs: 100 }))
  clock.advance(100)
  const error = await late
  assert.ok(error instanceof Disconnected && !error.sent)
})

test('a call ends by its timeout or its signal', async (t) => {
  const { gateway, client, clock } = await connected(t)
  const late = outcome(client.call('system.info', {}, { timeoutMs: 100 }))
  const { id } = await gateway.request('system.info')
  clock.advance(100)
  const error = await late
  assert.ok(error instanceof TimedOut)
  assert.equal(error.timeoutMs, 100)
  gateway.send({ id, result: {} })
  const controller = new AbortController()
  const aborted = outcome(client.call('system.info', {}, { signal: controller.signal }))
  const reason = new Error('enough')
  controller.abort(reason)
  assert.equal(await aborted, reason)
  assert.equal(await outcome(client.call('system.info', {}, { signal: controller.signal })), reason)
})

test('a listener that throws is reported and harms no other', async (t) => {
  const reported: unknown[] = []
  const { gateway, client } = await connected(t, { onError: (error) => void reported.push(error) })
  const fault = new Error('of a listener')
  client.on('shutdown', () => {
    throw fault
  })
  const heard = new Promise((resolve) => client.on('shutdown', resolve))
  client.onConnected(() => {
    throw fault
  })
  gateway.send({ id: null, event: 'shutdown', data: { graceMs: 5 } })
  assert.deepEqual(await heard, { graceMs: 5 })
  assert.deepEqual(reported, [fault, fault])
})

test('a message larger than the gateway accepts fails, and does not end every connection', async (t) => {
  const { gateway, client, clock, until } = await connected(t)
  const small = client.session('cli:me').send('small')
  const large = client.session('cli:me').send('x'.repeat(100_000))
  const error = await outcome(large)
  assert.ok(error instanceof RpcError && error.code === -2)
  clock.advance((await until('waiting')).at - clock.time)
  await until('connected')
  const { id, params } = await gateway.request('agent.send', 2)
  assert.equal(params?.message, 'small')
  assert.equal(params?.idempotencyKey, small.id)
  gateway.send({ id, result: { sessionId: 'cli:me', runId: 'r', content: 'ok', response: 'ok', usage: {} } })
  assert.equal((await small).content, 'ok')
})

test('close() leaves no timer and no socket', async (t) => {
  const { gateway, client, clock } = await connected(t)
  const run = client.session('cli:me').send('hello')
  const call = outcome(client.call('system.info'))
  const closed = new Promise((resolve) => gateway.sockets[0]!.once('close', resolve))
  await client.close()
  for (const error of [await outcome(run), await call]) assert.ok(error instanceof Disconnected && error.sent)
  assert.deepEqual(await client.restored, [])
  await closed
  assert.equal(clock.timers.size, 0)
})
