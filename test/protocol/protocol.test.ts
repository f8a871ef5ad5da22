import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import test, { type TestContext } from 'node:test'
import vm from 'node:vm'
import { WebSocket as WsWebSocket } from 'ws'
import { RUN_EVENTS } from '../../rpc/schemas/agent.ts'
import { build, connect, type Frame, type TestClient, type TestGateway } from '../helper.ts'
import { startModelServer } from '../model-server.ts'
import { exampleMachine } from '../programs/example.ts'
import { type ExampleFrame, FIXTURES, type Fixture, fixtureText, LATER, laterIn } from './fixtures.ts'
import { JPEG, probes } from './probes.ts'
import { type Comparison, type Difference, differences, SHAPE, VALUE } from './shape.ts'

type Before = (other: TestClient, gateway: TestGateway) => Promise<unknown>

/** What must have happened before a fixture's request makes sense; on another connection. */
const BEFORE: Readonly<Record<string, Before>> = {
  'sessions.list': async (other) => {
    await other.call('agent.send', { message: 'Hello' })
    await other.call('agent.send', { message: '/elevate 10m' })
  },
  'sessions.get': (other) => other.call('agent.send', { message: 'Hello', sessionId: 'telegram:123456' }),
  'pairing.list': (other) => other.call('pairing.generate', { channel: 'telegram' }),
  'system.sessionAnalytics': async (other) => {
    await other.call('agent.send', { message: 'say something about kubernetes', sessionId: 'ws:a' })
    await other.call('agent.send', { message: '/tool file.list {}', sessionId: 'ws:b' })
  },
  'sessions.delete': (other) => other.call('sessions.create', { sessionId: 'telegram:123456' }),
  'system.contextUsage': (other) => other.call('agent.send', { message: 'Hello', sessionId: 'ws:abc-123' }),
  'system.observabilitySeries': async (_other, { app }) => {
    await app.observability.sample(Date.now() - 60_000)
    await app.observability.sample()
  }
}

/** What only a connection that has registered a node may ask, or is told in full. */
const AS_A_NODE = ['system.capabilities', 'node.location.set', 'node.status.set', 'node.push_token.set']

/** What must be configured for an example to be true. */
const CONFIGURED: Readonly<Record<string, (t: TestContext) => Promise<object>>> = {
  'system.contextUsage': filled,
  'config.get': async () => ({ models: { default: { anthropic: { apiKey: 'a key that nobody sees', model: 'claude' } } } })
}

const METHODS = [...FIXTURES].filter(([, { request }]) => request).map(([name]) => name)

for (const name of METHODS) {
  test(`${name} answers the specification's request in the shape of its example`, async (t) => {
    const { request, response } = fixture(name)
    const client = await ready(t, BEFORE[name], await CONFIGURED[name]?.(t))
    if (AS_A_NODE.includes(name)) await client.call('node.register', fixture('node.register').request!.params as Frame)
    client.send(sendable(request!))
    const answer = await client.final(request!.id)
    assert.equal(answer.id, response!.id)
    assertShape(name, '', response, answer)
  })
}

/** A message that makes the agent emit the event. */
const PROVOKED_BY: Readonly<Record<string, (data: Frame) => string>> = {
  content: () => 'say something',
  tool_start: ({ tool, args }) => `/tool ${tool} ${JSON.stringify(args)}`,
  tool_end: ({ tool }) => `/tool ${tool} {"command":"echo 'Hello'"}`,
  attachment: () => '/tool probe.picture',
  context_warning: () => 'say something',
  done: () => 'say something',
  error: () => 'say something'
}

for (const [name, { events = [] }] of FIXTURES) {
  for (const example of events) {
    const event = example.event!
    if (laterIn(name).includes(event)) {
      test(`${name}: ${event} is not sent yet, and is not promised either`, () => {
        assert.ok(!(event in RUN_EVENTS), `agent.send has ${event} now: remove it from LATER`)
      })
      continue
    }
    test(`${name}: the ${event} event has the shape of its example`, async (t) => {
      const data = example.data as Frame
      const { client, id } = data.queue ? await overflow(t) : await provoke(t, event, PROVOKED_BY[event]!(data))
      const frame = client.events(id).find((frame) => frame.event === event)
      assert.ok(frame, `no ${event} among ${JSON.stringify(client.frames)}`)
      assert.equal(frame.id, id)
      assertShape(name, `${event}.`, { data: example.data }, frame)
    })
  }
}

test('events come with sessionId, runId and seq, before the one final frame, and the last of them says how it ended', async (t) => {
  for (const [event, message] of [
    ['done', `/tool shell.exec {"command":"echo 'Hello'"}`],
    ['error', 'say something']
  ] as const) {
    const { client, id } = await provoke(t, event, message)
    const frames = client.frames.filter((frame) => frame.id === id)
    const events = frames.slice(0, -1)
    assert.deepEqual(
      events.map(({ seq }) => seq),
      events.map((_event, index) => index + 1)
    )
    assert.equal(new Set(events.map(({ sessionId, runId }) => `${sessionId} ${runId}`)).size, 1)
    assert.match(events[0]!.runId, /^[0-9a-f-]{36}$/)
    assert.ok(events.every((frame) => 'event' in frame))
    assert.equal(events.at(-1)!.event, event)
    const final = frames.at(-1)!
    if (event === 'done') {
      assert.equal(events.at(-1)!.data.content, final.result.content)
      assert.equal(final.result.response, final.result.content)
    } else {
      const { code, message } = final.error
      assert.deepEqual(events.at(-1)!.data, { code, message })
    }
  }
})

test('a request that names its session as `session` is answered in the shape of the message format', async (t) => {
  const { request, response, events } = fixture('message-format')
  const client = await ready(t)
  client.send(request)
  const answer = await client.final(request!.id)
  assertShape('message-format', '', response, answer)
  assert.equal(answer.result.sessionId, request!.params!.session)
  assertShape('message-format', '', events![0], client.events(request!.id)[0])
})

test('a cancelled request ends with the very error of the message format', async (t) => {
  const { error } = fixture('message-format')
  const client = await ready(t)
  client.send({ id: error!.id, method: 'agent.send', params: { message: '/tool probe.wait', sessionId: 'telegram:123456' } })
  await client.frame(({ event }) => event === 'tool_start')
  client.send({ id: 2, method: 'agent.cancel' })
  assertShape('message-format', '', { result: { cancelled: true } }, await client.final(2))
  const answer = await client.final(error!.id)
  assert.deepEqual(differences(error, answer, '', VALUE), [])
})

test('system.disconnect is answered before the socket closes with 1000', async (t) => {
  const { request } = fixture('system.disconnect')
  const client = await ready(t)
  const closed = client.closed()
  client.send(request)
  assert.equal((await client.final(request!.id)).result.success, true)
  assert.equal((await closed).code, 1000)
})

test('the definition of each method shows the example of the specification', async (t) => {
  const { app } = await build(t)
  for (const name of METHODS.filter((name) => name !== 'message-format')) {
    const { request, response } = fixture(name)
    const [example] = app.rpc.get(name)?.examples ?? []
    assert.ok(example, `${name} has no example`)
    const spec = { params: request!.params ?? {}, result: response!.result }
    const known = laterIn(name)
    assert.deepEqual(
      relative(differences(spec, example, '', VALUE)).filter(({ path }) => !known.includes(path)),
      [],
      name
    )
  }
})

test('whatever is left for later belongs to a fixture', () => {
  for (const { fixture, path } of LATER) assert.ok(FIXTURES.has(fixture), `${fixture}: ${path}`)
})

test('the comparison of shapes sees what is missing, of another type, or in another unit', () => {
  const problems = (example: unknown, actual: unknown, how: Comparison = SHAPE) =>
    differences(example, actual, 'x', how).map(({ path, problem }) => `${path} ${problem}`)
  assert.deepEqual(problems({ a: 1, b: 'text', c: [{ d: null }] }, { a: 2, b: '', c: [{ d: null, e: 1 }], f: 1 }), [])
  assert.deepEqual(problems({ a: 1 }, {}), ['x.a is missing'])
  assert.deepEqual(problems({ a: 1 }, { a: '1' }), ['x.a is a string, in the example an integer'])
  assert.deepEqual(problems({ a: 1 }, { a: 1.5 }), ['x.a is a fraction, in the example an integer'])
  assert.deepEqual(problems([1739448000000], [1739448000]), ['x[0] is epoch seconds, in the example epoch milliseconds'])
  assert.deepEqual(problems('2025-02-13T10:00:00Z', '2025-02-13T10:00:00+01:00'), [
    'x is a string, in the example an ISO 8601 time in UTC'
  ])
  assert.deepEqual(problems([{ a: 1 }], []), ['x[0] is missing'])
  assert.deepEqual(problems({ a: {} }, { a: [] }), ['x.a is an array, in the example an object'])
  assert.deepEqual(problems([{ name: 'b', c: 1 }], [{ name: 'a' }, { name: 'b', c: 2 }]), [])
  assert.deepEqual(problems({ a: 'one' }, { a: 'two' }, VALUE), ['x.a is "two", in the example "one"'])
  assert.deepEqual(problems(['one'], ['one', 'two'], VALUE), ['x has 2 elements, in the example 1'])
})

test("the specification's browser client runs as it is printed, its usage included", async (t) => {
  const gateway = await build(t, { config: { server: { token: 'your-token' } } })
  const { context, printed, opened } = sandbox(t, gateway.url, globalThis.WebSocket)
  vm.runInContext(fixtureText('browser-client.js'), context)
  const client = vm.runInContext('client', context)
  await opened()
  assert.deepEqual(printed, [['Connected to Flynn gateway']])

  // The class never calls `onopen`; the one who printed it meant: once the socket is open.
  await client.onopen()
  assertShape(
    'system.info',
    '',
    fixture('system.info').response!.result,
    printed.find(([label]) => label === 'Gateway info:')![1]
  )
  const response = printed.find(([label]) => label === 'Response:')![1]
  assert.equal(response.sessionId, 'telegram:123456')
  assert.match(response.content, /Hello, Flynn!/)
  assert.equal(
    printed
      .filter(([label]) => label === 'Content:')
      .map(([, text]) => text)
      .join(''),
    response.content
  )
  assert.deepEqual(
    printed.filter(([label]) => label === 'Done:').map(([, content]) => content),
    [response.content]
  )

  const { sessions, total } = await client.listSessions()
  assert.deepEqual([sessions[0].id, sessions[0].messageCount, total], ['telegram:123456', 2, 1])
  const { tools } = await client.listTools('telegram:123456')
  assert.ok(tools.length > 0)
  assert.equal((await client.listTools()).tools.length, tools.length)
  await assert.rejects(client.sendMessage(''), { code: -2 })
  assert.equal((await client.contextUsage()).sessions[0].sessionId, 'telegram:123456')
})

test("the specification's Node.js client runs as it is printed, its usage included", async (t) => {
  const gateway = await build(t, { config: { server: { token: 'your-token' } } })
  const browser = sandbox(t, gateway.url, globalThis.WebSocket)
  const [declaration] = fixtureText('browser-client.js').split('// Usage')
  const FlynnClient = vm.runInContext(`${declaration}\nFlynnClient`, browser.context)

  const { context, opened } = sandbox(t, gateway.url, WsWebSocket, { FlynnClient })
  vm.runInContext(fixtureText('node-client.js'), context)
  const client = vm.runInContext('client', context)
  // What "... same as browser client" stands for.
  client.ws.onmessage = ({ data }: { data: string }) => client.handleMessage(JSON.parse(data))
  await opened()
  assertShape('system.info', '', fixture('system.info').response!.result, await client.systemInfo())
  assert.equal((await client.sendMessage('Hello, Flynn!', 'telegram:123456')).sessionId, 'telegram:123456')
  assert.equal((await client.listSessions()).total, 1)
  assert.ok((await client.listTools('telegram:123456')).tools.length > 0)
})

test("the specification's fetch example gets the state of the gateway", async (t) => {
  const gateway = await build(t, { config: { server: { token: 'your-token' } } })
  const { context, printed } = sandbox(t, gateway.url, globalThis.WebSocket)
  const finished = vm.runInContext(fixtureText('fetch-example.js'), context) as Promise<void>
  await finished
  assert.equal(printed[0]![0], 'Health:')
  assert.equal(printed[0]![1].status, 'ok')
})

function fixture(name: string): Fixture {
  const found = FIXTURES.get(name)
  assert.ok(found, `no fixture ${name}`)
  return found
}

/** A gateway with everything the examples use, and a client of it. */
async function ready(t: TestContext, before?: Before, config: object = {}): Promise<TestClient> {
  const gateway = await start(t, config)
  await before?.(await connect(t, gateway.url), gateway)
  return await connect(t, gateway.url)
}

async function start(t: TestContext, config: object = {}): Promise<TestGateway> {
  const machine = await exampleMachine(t)
  const nodes = {
    enabled: true,
    feature_gates: { 'ui.canvas': true, notifications: true },
    location: { enabled: true },
    push: { enabled: true }
  }
  return build(t, {
    plugins: [probes, machine.plugin],
    reload: async () => ({}),
    config: { tools: { shell: { enabled: true } }, server: { nodes }, ...machine.config, ...config }
  })
}

/** A model that says that its window is as full as in the examples. */
async function filled(t: TestContext): Promise<object> {
  const model = await startModelServer(t)
  model.reply({ text: 'Hello.', usage: { input: 171_000, output: 1000 } })
  const settings = { baseUrl: model.baseUrl, model: 'test', contextWindow: 200_000 }
  return { agent: { autoCompact: false }, models: { default: { openai_compatible: settings } } }
}

/** Sends `message` to a gateway that answers it with that event, and waits for the end. */
async function provoke(t: TestContext, event: string, message: string): Promise<{ client: TestClient; id: number }> {
  // A port that nothing listens on: every model call fails.
  const failing = { models: { default: { ollama: { base_url: 'http://127.0.0.1:1/v1', model: 'none' } } } }
  const { url } = await start(t, event === 'error' ? failing : event === 'context_warning' ? await filled(t) : {})
  const client = await connect(t, url)
  const id = client.start('agent.send', { message })
  await client.final(id)
  return { client, id }
}

/** A message too many for a session whose agent is busy. */
async function overflow(t: TestContext): Promise<{ client: TestClient; id: number }> {
  const { url } = await start(t, { lanes: { default: { cap: 1, overflow: 'drop_new' } }, server: { shutdownGraceSeconds: 0 } })
  const client = await connect(t, url)
  client.start('agent.send', { message: '/tool probe.wait' })
  await client.frame(({ event }) => event === 'tool_start')
  client.start('agent.send', { message: 'waits' })
  const id = client.start('agent.send', { message: 'is one too many' })
  await client.final(id)
  return { client, id }
}

/** A request of the specification with real data in place of `base64encoded…`. */
function sendable(request: ExampleFrame): unknown {
  return JSON.parse(JSON.stringify(request, (_key, value) => (/^base64encoded/.test(value) ? JPEG : value)))
}

/** Everything of the example is there, but for what is listed in LATER; and that is not. `under`: the event's name and a dot. */
function assertShape(name: string, under: string, example: unknown, actual: unknown): void {
  const found = relative(differences(example, actual, '', SHAPE)).map(({ path, problem }) => ({
    path: under + path,
    problem
  }))
  const known = laterIn(name).filter((path) => path.startsWith(under) && path.includes('.'))
  assert.deepEqual(
    found.filter(({ path }) => !known.includes(path)),
    [],
    JSON.stringify(actual)
  )
  const wanted = known.filter((path) => !found.some((difference) => difference.path === path))
  if (under !== '' || isFrame(example)) assert.deepEqual(wanted, [], 'no longer needed in LATER')
}

function isFrame(example: unknown): boolean {
  return typeof example === 'object' && example !== null && 'id' in example
}

/** Paths without the dot at their beginning. */
function relative(found: readonly Difference[]): Difference[] {
  return found.map(({ path, problem }) => ({ path: path.replace(/^\./, ''), problem }))
}

type Printed = [label: string, value: Frame & string]
type Socket = new (url: string, options: object) => object

/**
 * Where the specification's own code runs: its addresses lead to the gateway under test, what it prints is kept, and its
 * timers keep no process alive. Nothing else differs from a page or a script.
 */
function sandbox(t: TestContext, url: string, Socket: unknown, more: object = {}) {
  const here = (address: string): string =>
    address.replace('ws://localhost:18800', url.replace('http', 'ws')).replace('http://localhost:18800', url)
  const sockets: WebSocket[] = []
  class Redirected extends (Socket as Socket) {
    constructor(address: string, options: object) {
      super(here(address), options)
      sockets.push(this as unknown as WebSocket)
      t.after(() => (this as unknown as WebSocket).close())
    }
  }
  const printed: Printed[] = []
  const print = (...words: unknown[]) => printed.push(words as Printed)
  const require = createRequire(import.meta.url)
  const context = vm.createContext({
    WebSocket: Socket === WsWebSocket ? undefined : Redirected,
    require: (name: string) => (name === 'ws' ? Redirected : require(name)),
    console: { log: print, warn: print, error: print },
    setTimeout: (fn: () => void, ms: number) => setTimeout(fn, ms).unref(),
    fetch: (address: string, init: RequestInit) => fetch(here(address), init),
    ...more
  })
  const opened = () => new Promise((resolve) => sockets[0]!.addEventListener('open', resolve, { once: true }))
  return { context, printed, opened }
}
