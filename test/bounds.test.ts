import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import test from 'node:test'
import { getHeapSnapshot } from 'node:v8'
import { build, connect, type Frame, rejection, type TestClient, type TestGateway } from './helper.ts'
import { stubPrograms } from './programs/stubs.ts'

/** What no test of a single part sees: that thousands of names, each chosen by a client, leave nothing behind in a whole gateway. */

/** More than any map keyed by a client may hold without a bound. */
const MANY = 1000

/** Some at once, and what came is forgotten after each of these rounds: the client looks through all of it for each frame. */
const AT_ONCE = 16

async function each(client: TestClient, count: number, act: (n: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < count; from += AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, n) => act(from + n)))
    client.frames.length = 0
  }
}

/** What a client says is not kept by the test either. */
async function ask(client: TestClient, method: string, params: Record<string, unknown>): Promise<Frame> {
  const frame = await client.final(client.start(method, params))
  client.frames.length = 0
  return frame
}

/** What the gateway holds of sessions, by its own account. */
function held({ app }: TestGateway): Record<string, number> {
  const { topics, messages, streams, followers } = app.bus.held
  return { lanes: app.lanes.size, waiting: app.lanes.waiting, topics, messages, streams, followers }
}

const NOTHING = { lanes: 0, waiting: 0, topics: 0, messages: 0, streams: 0, followers: 0 }

test('sessions that were only named leave nothing behind', async (t) => {
  const gateway = await build(t)
  const client = await connect(t, gateway.url)
  await each(client, MANY, async (n) => {
    const sessionId = `test:${n}`
    await client.call('sessions.create', { sessionId })
    await rejection(client.call('sessions.get', { sessionId: `nobody:${n}` }))
    await rejection(client.call('agent.cancel', { sessionId: `nobody:${n}` }))
    await client.call('agent.send', { sessionId, message: '/status' })
    await client.call('sessions.delete', { sessionId })
  })
  assert.deepEqual(held(gateway), NOTHING)
  assert.equal(gateway.app.connections.sessions().size, 1)
})

test('sessions in which a run has ended leave what can be replayed, and not even that once they are deleted', async (t) => {
  const gateway = await build(t)
  const client = await connect(t, gateway.url)
  const count = 200
  await each(client, count, (n) =>
    client.call('agent.send', { sessionId: `test:${n}`, message: 'Hello', idempotencyKey: `key ${n}` })
  )
  assert.deepEqual(held(gateway), { ...NOTHING, topics: count, messages: count, streams: count })
  await each(client, count, (n) => client.call('sessions.delete', { sessionId: `test:${n}` }))
  assert.deepEqual(held(gateway), NOTHING)
})

test('whoever begins and stops following thousands of sessions holds none of them, and at a time no more than the bound', async (t) => {
  const gateway = await build(t)
  const client = await connect(t, gateway.url)
  for (const [begin, stop, more] of [
    ['sessions.subscribe', 'sessions.unsubscribe', {}],
    ['agent.setToolUseCallback', 'agent.setToolUseCallback', { enabled: true }]
  ] as const) {
    for (let n = 0; n < MANY; n++) {
      const sessionId = `test:${n}`
      await ask(client, begin, { sessionId, ...more })
      await ask(client, stop, { sessionId, ...('enabled' in more ? { enabled: false } : {}) })
    }
    assert.deepEqual(held(gateway), NOTHING, begin)

    let refused = 0
    for (let n = 0; n < 150; n++) if ((await ask(client, begin, { sessionId: `test:${n}`, ...more })).error?.code === 3) refused++
    assert.deepEqual([refused, held(gateway).topics], [50, 100], begin)
    for (let n = 0; n < 150; n++)
      await ask(client, stop, { sessionId: `test:${n}`, ...('enabled' in more ? { enabled: false } : {}) })
    assert.deepEqual(held(gateway), NOTHING, begin)
  }
})

test('a connection that is gone takes along what it followed', async (t) => {
  const gateway = await build(t)
  const other = await connect(t, gateway.url)
  for (let round = 0; round < 20; round++) {
    const client = await connect(t, gateway.url)
    for (let n = 0; n < 100; n++) client.start('sessions.subscribe', { sessionId: `test:${round}-${n}` })
    await client.call('system.info')
    client.socket.close()
    await client.closed()
  }
  // Its socket has closed there as well, once the next request is answered.
  while (gateway.app.connections.size > 1) await other.call('system.info')
  assert.deepEqual(held(gateway), NOTHING)
})

test('of commands that were given under a key, the newest thousand are remembered', async (t) => {
  const gateway = await build(t)
  const client = await connect(t, gateway.url)
  const sessionId = 'test:1'
  const give = (cap: number, idempotencyKey: string): Promise<Frame> =>
    client.call('agent.send', { sessionId, message: `/queue set cap=${cap}`, idempotencyKey })
  const cap = async (): Promise<number> => (await client.call('queue.get', { sessionId })).policy.cap
  await give(5, 'first')
  await give(6, 'second')
  await give(5, 'first')
  assert.equal(await cap(), 6)
  await each(client, 1000, (n) => client.call('agent.send', { sessionId, message: '/status', idempotencyKey: `key ${n}` }))
  await give(5, 'first')
  assert.equal(await cap(), 5)
})

test('of the extension events a connection asks for, those that exist are remembered', async (t) => {
  const { url } = await build(t)
  const client = await connect(t, url)
  let { events } = await client.call('system.hello', { events: ['accepted'] })
  for (let n = 0; n < MANY; n += 50) {
    const names = Array.from({ length: 50 }, (_, i) => `event ${n + i}`)
    ;({ events } = await client.call('system.hello', { events: [...names, 'accepted'] }))
  }
  assert.deepEqual(events, ['accepted'])
})

const final = (client: TestClient, method: string, params: Record<string, unknown>): Promise<Frame> =>
  client.final(client.start(method, params))

async function drain(response: Promise<Response>): Promise<void> {
  await (await response).arrayBuffer()
}

/** Requests that name what is not there. */
const NOWHERE: Readonly<Record<string, (gateway: TestGateway, client: TestClient, name: string) => Promise<unknown>>> = {
  method: (_gateway, client, name) => final(client, `nothing.${name}`, {}),
  post: ({ url }, _client, name) => drain(fetch(`${url}/rpc/nothing.${name}`, { method: 'POST' })),
  path: ({ url }, _client, name) => drain(fetch(`${url}/${name}`)),
  query: ({ url }, _client, name) => drain(fetch(`${url}/health?${name}=1`)),
  origin: ({ url }, _client, name) =>
    drain(fetch(`${url}/rpc/system.info`, { method: 'POST', headers: { origin: `https://${name}.test` } })),
  param: (_gateway, client, name) => final(client, 'system.info', { [name]: name }),
  argument: (_gateway, client, name) => final(client, 'tools.execute', { tool: 'file.read', args: { [name]: name } }),
  session: (_gateway, client, name) => final(client, 'sessions.get', { sessionId: `test:${name}` }),
  frontend: (_gateway, client, name) => final(client, 'sessions.list', { frontend: name }),
  run: (_gateway, client, name) => final(client, 'sessions.resume', { sessionId: `test:${name}`, runId: name }),
  message: (_gateway, client, name) => final(client, 'queue.cancel', { sessionId: `test:${name}`, messageId: name }),
  cancel: (_gateway, client, name) => final(client, 'agent.cancel', { sessionId: `test:${name}` }),
  artifact: (_gateway, client, name) => final(client, 'canvas.get', { sessionId: `test:${name}`, artifactId: name }),
  tool: (_gateway, client, name) => final(client, 'tools.execute', { sessionId: `test:${name}`, tool: name, args: {} }),
  node: (_gateway, client, name) => final(client, 'node.invoke', { nodeId: name, capability: 'a.b' }),
  forgotten: (_gateway, client, name) => final(client, 'node.forget', { nodeId: name }),
  capability: (_gateway, client, name) => final(client, 'node.invoke', { nodeId: 'a', capability: name }),
  channel: (_gateway, client, name) => final(client, 'system.presence', { channel: name }),
  paired: (_gateway, client, name) => final(client, 'pairing.revoke', { channel: 'telegram', senderId: name }),
  question: (_gateway, client, name) => final(client, 'agent.confirmTool', { callId: name, approve: true }),
  actor: (_gateway, client, name) => final(client, 'system.audit', { actor: name }),
  backend: (_gateway, client, name) => final(client, 'system.localBackendControl', { backend: name, action: 'start' }),
  dependency: (_gateway, client, name) => final(client, 'system.dockerDependencyControl', { dependency: name, action: 'start' }),
  series: (_gateway, client, name) => final(client, 'system.observabilitySeries', { sourceIds: [name] }),
  source: (_gateway, client, name) => final(client, 'system.serviceLogs', { sourceId: name })
}

/** Every text in memory that something refers to. */
async function texts(): Promise<string[]> {
  const snapshot = JSON.parse(await text(getHeapSnapshot())) as { strings: string[] }
  return snapshot.strings
}

test('names of what is not there are not kept, however many there are', async (t) => {
  // None of this machine's programs is to be asked for any of it.
  const { plugin } = await stubPrograms(t, {})
  const gateway = await build(t, { plugins: [plugin], config: { server: { nodes: { enabled: true } } } })
  const client = await connect(t, gateway.url)
  const count = 200
  for (const [kind, act] of Object.entries(NOWHERE))
    await each(client, count, (n) => act(gateway, client, `nowhere-${kind}-${n}-`))
  // Of the addresses it was asked for, Node keeps a list of its own.
  performance.clearResourceTimings()
  const kept = new Map<string, number>()
  for (const found of await texts()) {
    const [, kind] = /nowhere-([a-z]+)-\d/.exec(found) ?? []
    if (kind !== undefined) kept.set(kind, (kept.get(kind) ?? 0) + 1)
  }
  // The last ones may still be on their way out: of sockets, caches of one, and the entries of the audit log.
  assert.deepEqual(
    [...kept].filter(([, texts]) => texts >= count / 2),
    []
  )
})
