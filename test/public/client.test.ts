import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import test, { type TestContext } from 'node:test'
import fc from 'fast-check'
import { type WebSocket, WebSocketServer } from 'ws'
import { type Admission, Client, Disconnected, RpcError, type State, socketUrl } from '../../public/client.js'

interface Frame {
  readonly id: number
  readonly method: string
  readonly params?: Record<string, unknown>
}

const INFO = { version: '1.2.3', uptime: 5, connections: 1 }

/** Time that stands still until it is told to move. */
class FakeClock {
  time = 0
  readonly timers = new Map<number, { at: number; run: () => void }>()
  #id = 0
  readonly random: () => number

  constructor(random = () => 1) {
    this.random = random
  }

  now = (): number => this.time
  setTimeout = (run: () => void, ms: number): number => {
    this.timers.set(++this.#id, { at: this.time + ms, run })
    return this.#id
  }
  clearTimeout = (id: number): void => void this.timers.delete(id)

  advance(ms: number): void {
    this.time += ms
    for (const [id, { at, run }] of [...this.timers]) {
      if (at > this.time) continue
      this.timers.delete(id)
      run()
    }
  }
}

/** A gateway that does what it is told, on a real socket. */
class Gateway {
  readonly sockets: WebSocket[] = []
  readonly frames: Frame[] = []
  readonly server: WebSocketServer
  /** Answers `system.info` by itself, as a gateway that lets everybody in. */
  welcoming = true
  #wake: () => void = () => {}

  constructor(server: WebSocketServer) {
    this.server = server
    server.on('connection', (socket) => {
      this.sockets.push(socket)
      socket.on('message', (data) => {
        const frame = JSON.parse(String(data)) as Frame
        if (frame.method === 'system.info' && this.welcoming) socket.send(JSON.stringify({ id: frame.id, result: INFO }))
        else this.frames.push(frame)
        this.#wake()
      })
      this.#wake()
    })
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.server.address() as AddressInfo).port}/`
  }

  send(frame: unknown): void {
    this.sockets.at(-1)?.send(JSON.stringify(frame))
  }

  async until(fits: () => boolean): Promise<void> {
    while (!fits()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

async function gatewayFor(t: TestContext): Promise<Gateway> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'flynn.v1' })
  t.after(() => {
    for (const socket of server.clients) socket.terminate()
    server.close()
  })
  await new Promise((resolve) => server.once('listening', resolve))
  return new Gateway(server)
}

interface Options {
  readonly url?: string
  readonly clock?: FakeClock
  readonly admit?: () => Promise<Admission>
}

function clientFor(
  t: TestContext,
  { url = 'ws://127.0.0.1:9/', clock = new FakeClock(), admit = async () => ({}) }: Options = {}
) {
  const states: State[] = []
  let wake: () => void = () => {}
  const client = new Client({
    url,
    protocols: () => ['flynn.v1'],
    admit,
    clock,
    onState(state) {
      states.push(state)
      wake()
    }
  })
  t.after(() => client.stop())
  const until = async <N extends State['name']>(name: N): Promise<Extract<State, { name: N }>> => {
    while (client.state.name !== name) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    return client.state as Extract<State, { name: N }>
  }
  return { client, clock, states, until }
}

async function connected(t: TestContext) {
  const gateway = await gatewayFor(t)
  const parts = clientFor(t, { url: gateway.url })
  parts.client.start()
  await parts.until('connected')
  return { gateway, ...parts }
}

test('the socket is at the URL of the page, whatever its query says', () => {
  const cases = {
    'http://localhost:18800/': 'ws://localhost:18800/',
    'https://flynn.example.com/agent/': 'wss://flynn.example.com/agent/',
    'http://localhost/agent/index.html': 'ws://localhost/agent/',
    'http://localhost/?gatewayUrl=ws://evil.example#x': 'ws://localhost/',
    'http://localhost/?token=secret&url=//evil.example/': 'ws://localhost/'
  }
  for (const [page, socket] of Object.entries(cases)) assert.equal(socketUrl(page), socket)
})

test('a connection counts as one when the gateway has answered, and tells what it said of itself', async (t) => {
  const gateway = await gatewayFor(t)
  gateway.welcoming = false
  const { client, states, until } = clientFor(t, { url: gateway.url })
  client.start()
  await gateway.until(() => gateway.frames.length === 1)
  assert.deepEqual(states, [{ name: 'connecting' }])
  gateway.send({ id: gateway.frames[0]?.id, result: INFO })
  assert.deepEqual(await until('connected'), { name: 'connected', info: INFO })
})

test('a credential that may not see system.info is a connection all the same', async (t) => {
  const gateway = await gatewayFor(t)
  gateway.welcoming = false
  const { client, until } = clientFor(t, { url: gateway.url })
  client.start()
  await gateway.until(() => gateway.frames.length === 1)
  gateway.send({ id: gateway.frames[0]?.id, error: { code: -5, message: 'lacks the scope read' } })
  assert.deepEqual(await until('connected'), { name: 'connected', info: undefined })
})

test('answers that come out of order reach those who asked, and events the request they belong to', async (t) => {
  const { client, gateway } = await connected(t)
  const events: unknown[] = []
  const first = client.request('agent.send', { message: 'one' }, ({ event, data }) => events.push([event, data]))
  const second = client.request('sessions.list')
  await gateway.until(() => gateway.frames.length === 2)
  const [one, two] = gateway.frames
  assert.deepEqual([one?.method, one?.params, two?.params], ['agent.send', { message: 'one' }, undefined])
  gateway.send({ id: one?.id, event: 'content', data: { text: 'a' }, runId: 'r', seq: 1 })
  gateway.send({ id: two?.id, event: 'content', data: { text: 'nobody listens to this' } })
  gateway.send({ id: two?.id, result: 'second' })
  gateway.send({ id: 999, result: 'unknown' })
  gateway.send({ id: one?.id, event: 'done', data: { content: 'a' } })
  gateway.send({ id: one?.id, result: 'first' })
  assert.deepEqual(await Promise.all([first, second]), ['first', 'second'])
  assert.deepEqual(events, [
    ['content', { text: 'a' }],
    ['done', { content: 'a' }]
  ])
})

test('an error that the gateway answers keeps its code and data', async (t) => {
  const { client, gateway } = await connected(t)
  const asked = client.request('agent.send', { message: '' })
  await gateway.until(() => gateway.frames.length === 1)
  gateway.send({ id: gateway.frames[0]?.id, error: { code: -2, message: 'params.message is empty', data: { retryable: false } } })
  await assert.rejects(asked, (error: RpcError) => {
    assert.ok(error instanceof RpcError)
    assert.deepEqual([error.code, error.message, error.data], [-2, 'params.message is empty', { retryable: false }])
    return true
  })
})

test('a request that was under way when the socket broke is rejected and never sent again', async (t) => {
  const { client, gateway, clock, until } = await connected(t)
  const asked = assert.rejects(client.request('agent.send', { message: 'once' }), (error: Disconnected) => error.sent)
  await gateway.until(() => gateway.frames.length === 1)
  gateway.sockets[0]?.terminate()
  await asked
  assert.deepEqual(await until('waiting'), { name: 'waiting', at: 1000, reason: 'The connection was lost.' })
  clock.advance(1000)
  await until('connected')
  await Promise.all([
    client.request('sessions.list').catch(() => {}),
    gateway.until(() => gateway.frames.length === 2).then(() => gateway.sockets.at(-1)?.terminate())
  ])
  assert.deepEqual(
    gateway.frames.map(({ method }) => method),
    ['agent.send', 'sessions.list']
  )
})

test('without a connection a request fails at once and says that nothing was sent', async (t) => {
  const { client } = clientFor(t)
  await assert.rejects(client.request('agent.send'), (error: Disconnected) => error instanceof Disconnected && !error.sent)
})

test('a refused socket is not tried again; the message of the gateway tells why', async (t) => {
  const gateway = await gatewayFor(t)
  gateway.welcoming = false
  const { client, clock, until } = clientFor(t, { url: gateway.url })
  client.start()
  await gateway.until(() => gateway.sockets.length === 1)
  gateway.send({ id: null, error: { code: -5, message: 'Authentication failed: wrong' } })
  gateway.sockets[0]?.close(4401, 'wrong')
  assert.deepEqual(await until('refused'), { name: 'refused', code: -5, message: 'Authentication failed: wrong' })
  assert.equal(clock.timers.size, 0)
})

test('a gateway that closes says why', async (t) => {
  const { gateway, until } = await connected(t)
  gateway.sockets[0]?.close(1001, 'shutting down')
  assert.equal((await until('waiting')).reason, 'The gateway closed the connection (shutting down).')
})

test('delays double up to half a minute, each somewhere between its half and its whole', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1, maxLength: 12 }),
      async (dice) => {
        const rolls = [...dice]
        const clock = new FakeClock(() => rolls.shift() ?? 0)
        const { client, until } = clientFor(t, { clock, admit: async () => ({ retry: { reason: 'not reachable' } }) })
        client.start()
        for (const [attempt] of dice.entries()) {
          const { at } = await until('waiting')
          const longest = Math.min(30_000, 1000 * 2 ** attempt)
          assert.ok(at - clock.time >= longest / 2 && at - clock.time <= longest, `${at - clock.time} after ${attempt} failures`)
          clock.advance(at - clock.time)
          assert.equal(client.state.name, 'connecting')
        }
        client.stop()
      }
    ),
    { numRuns: 30 }
  )
})

test('delays begin anew after a connection that held, not after one that was closed at once', async (t) => {
  const { gateway, client, clock, until } = await connected(t)
  const delayAfter = async (heldMs: number): Promise<number> => {
    await until('connected')
    clock.advance(heldMs)
    gateway.sockets.at(-1)?.terminate()
    const { at } = await until('waiting')
    const delay = at - clock.time
    client.start()
    return delay
  }
  assert.deepEqual(
    [await delayAfter(0), await delayAfter(9999), await delayAfter(10_000), await delayAfter(0)],
    [1000, 2000, 1000, 2000]
  )
})

test('a lockout is waited for as long as the gateway says', async (t) => {
  const { client, until } = clientFor(t, { admit: async () => ({ retry: { afterMs: 42_000, reason: 'Too many attempts' } }) })
  client.start()
  assert.deepEqual(await until('waiting'), { name: 'waiting', at: 42_000, reason: 'Too many attempts' })
})

test('where credentials are refused no socket is opened', async (t) => {
  const gateway = await gatewayFor(t)
  const { client, until } = clientFor(t, {
    url: gateway.url,
    admit: async () => ({ refused: { code: -4, message: 'needs a token' } })
  })
  client.start()
  assert.deepEqual(await until('refused'), { name: 'refused', code: -4, message: 'needs a token' })
  assert.equal(gateway.sockets.length, 0)
})

test('a gateway that takes the connection and never answers is given up', async (t) => {
  const gateway = await gatewayFor(t)
  gateway.welcoming = false
  const { client, clock, until } = clientFor(t, { url: gateway.url })
  client.start()
  await gateway.until(() => gateway.frames.length === 1)
  clock.advance(15_000)
  assert.equal((await until('waiting')).reason, 'The gateway does not answer.')
})

test('a sign of life brings news; one that does not come ends the connection', async (t) => {
  const { client, gateway, clock, states, until } = await connected(t)
  await client.check()
  assert.deepEqual(
    states.map(({ name }) => name),
    ['connecting', 'connected', 'connected']
  )
  gateway.welcoming = false
  const unanswered = client.check()
  await gateway.until(() => gateway.frames.length === 1)
  assert.equal(client.state.name, 'connected')
  clock.advance(14_999)
  await client.check()
  assert.deepEqual([client.state.name, gateway.frames.length], ['connected', 1])
  clock.advance(1)
  await client.check()
  assert.equal((await until('waiting')).reason, 'The gateway no longer answers.')
  await unanswered
  assert.equal(client.state.name, 'waiting')
})

test('start leaves a connection alone', async (t) => {
  const { client, gateway } = await connected(t)
  client.start()
  await client.check()
  assert.equal(gateway.sockets.length, 1)
})

test('after stop nothing is heard of an attempt that was under way', async (t) => {
  const gateway = await gatewayFor(t)
  const admission = Promise.withResolvers<Admission>()
  const { client, clock, states } = clientFor(t, { url: gateway.url, admit: () => admission.promise })
  client.start()
  client.stop()
  admission.resolve({})
  await admission.promise
  assert.deepEqual(
    states.map(({ name }) => name),
    ['connecting', 'stopped']
  )
  assert.deepEqual([gateway.sockets.length, clock.timers.size], [0, 0])
})
