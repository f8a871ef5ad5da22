import assert from 'node:assert/strict'
import { once } from 'node:events'
import test, { mock, type TestContext } from 'node:test'
import { Type } from '@sinclair/typebox'
import type { WebSocket } from 'ws'
import { gatewayPlugin } from '../../../plugins/define.ts'
import { COALESCE_MS, Events, MAX_CHANGED } from '../../../plugins/events/events.ts'
import type { Caller, Peer } from '../../../rpc/define.ts'
import { Registry } from '../../../rpc/registry.ts'
import { build, connect, type Frame, type TestClient } from '../../helper.ts'

const READER: Caller = { id: 'token:reader', scopes: new Set(['read'] as const) }

/** Events over connections of the test, with a kind `thing`. */
function rig(t: TestContext) {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.after(() => mock.timers.reset())
  const sent: [string, unknown][] = []
  const lost: string[] = []
  const errors: unknown[] = []
  const events = new Events({
    rpc: new Registry(),
    connections: {
      wanting: (_kind, subscribers = new Set()) => [...subscribers].map((peer) => ({ peer, caller: READER })),
      publish: (kind, data) => void sent.push([kind, data]),
      lose: (kind) => void lost.push(kind)
    },
    log: { error: (entry: unknown) => void errors.push(entry) } as never
  })
  events.kind('thing', Type.Unknown(), { scope: 'read' })
  events.kind('secret', Type.Unknown(), { scope: 'admin' })
  const farewells: (() => void)[] = []
  const peer: Peer = {
    id: 'c1',
    sessionId: 'ws:c1',
    events: new Set(),
    close() {},
    onClose: (fn) => void farewells.push(fn)
  }
  const later = async (): Promise<void> => {
    mock.timers.tick(COALESCE_MS)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { events, peer, sent, lost, errors, later, gone: () => farewells.splice(0).map((fn) => fn()) }
}

test('changes of one thing within the window become one event, made at its end', async (t) => {
  const { events, peer, sent, later } = rig(t)
  let made = 0
  const change = (thing: string) => events.changed('thing', thing, () => `${thing} ${++made}`)
  change('unheard')
  await later()
  assert.deepEqual([sent, made], [[], 0])
  assert.deepEqual(events.subscribe(peer, READER, ['thing', 'secret', 'nonsense']), ['thing'])
  for (const thing of ['a', 'a', 'b', 'a']) change(thing)
  await later()
  assert.deepEqual(sent, [
    ['thing', 'a 1'],
    ['thing', 'b 2']
  ])
})

test('too many changed things are reported as lost, and a failure harms no other event', async (t) => {
  const { events, peer, sent, lost, errors, later } = rig(t)
  events.subscribe(peer, READER, ['thing'])
  events.changed('thing', 'bad', () => {
    throw new Error('no')
  })
  for (let n = 1; n <= MAX_CHANGED; n++) events.changed('thing', `${n}`, () => n)
  assert.deepEqual(lost, ['thing'])
  await later()
  assert.deepEqual([sent.length, errors.length], [MAX_CHANGED - 1, 1])
})

test('a connection that is gone, or has unsubscribed, is asked for nothing', async (t) => {
  const { events, peer, gone } = rig(t)
  events.subscribe(peer, READER, ['thing'])
  events.unsubscribe(peer, ['thing'])
  assert.equal(events.wanted('thing'), false)
  events.subscribe(peer, READER, ['thing'])
  gone()
  assert.equal(events.wanted('thing'), false)
})

const TOKENS = [
  { name: 'reader', token: 'token-reader', scopes: ['read' as const] },
  { name: 'op', token: 'token-op', scopes: ['read' as const, 'write' as const, 'operate' as const] }
]

const eventOf = (client: TestClient, event: string, fits: (data: Frame) => boolean = () => true): Promise<Frame> =>
  client.frame((frame) => frame.id === null && frame.event === event && fits(frame.data))

test('a connection gets the kinds that its scopes allow, of all sessions', async (t) => {
  const { url, app } = await build(t, { config: { server: { token: 'all', tokens: TOKENS, nodes: { enabled: true } } } })
  const kinds = app.events.kinds()
  const all = await connect(t, url, { token: 'all' })
  const reader = await connect(t, url, { token: 'token-reader' })
  const op = await connect(t, url, { token: 'token-op' })
  assert.deepEqual((await all.call('events.subscribe', { kinds })).kinds, kinds)
  assert.deepEqual((await reader.call('events.subscribe', { kinds })).kinds, ['session', 'lane', 'run', 'confirm', 'presence'])
  // A page that asks by name gets the same, once.
  await op.call('system.hello', { events: ['lane', 'audit'] })
  await op.call('events.subscribe', { kinds: ['lane'] })

  const sessionId = 'test:1'
  await all.call('sessions.create', { sessionId })
  await eventOf(reader, 'session', (data) => data.change === 'created' && data.sessionId === sessionId)
  await op.call('agent.send', { sessionId, message: 'hello' })
  await eventOf(reader, 'run', ({ state }) => state === 'running')
  await eventOf(reader, 'run', ({ state }) => state === 'completed')
  await eventOf(reader, 'session', ({ change }) => change === 'updated')
  await eventOf(reader, 'presence', ({ senderId }) => senderId === 'token:op')
  const idle = await eventOf(reader, 'lane', ({ state, depth }) => state === 'idle' && depth === 0)
  assert.equal(idle.data.origin.mode, 'default')
  await all.call('pairing.generate', { channel: 'telegram' })
  await eventOf(all, 'pairing', ({ change, channel }) => change === 'generate' && channel === 'telegram')
  await eventOf(op, 'audit', ({ event }) => event === 'pairing.generate')
  await all.call('node.register', { nodeId: 'n1', role: 'companion', protocolVersion: 1, capabilities: [] })
  await eventOf(all, 'node', ({ change }) => change === 'registered')
  await all.call('sessions.delete', { sessionId })
  await eventOf(reader, 'session', ({ change }) => change === 'deleted')

  const lanes = op.frames.filter(({ event, data }) => event === 'lane' && data.state === 'idle' && data.depth === 0)
  assert.equal(new Set(lanes.map((frame) => JSON.stringify(frame))).size, lanes.length, 'each event once')
  for (const { event } of reader.frames) assert.ok(!['audit', 'pairing', 'node', 'config', 'job'].includes(event), event)
  assert.deepEqual((await reader.call('events.unsubscribe', { kinds: ['lane'] })).kinds, [
    'session',
    'run',
    'confirm',
    'presence'
  ])
  assert.deepEqual((await reader.call('events.unsubscribe')).kinds, [])
})

test('a reader that is too slow misses events, and is told so once it has read', async (t) => {
  const plugin = gatewayPlugin({ name: 'weather', dependencies: ['events'] }, async (app) => {
    app.events.kind('weather', Type.Object({ text: Type.String() }), { scope: 'read' })
  })
  const gateway = await build(t, { plugins: [plugin] })
  const accepted = once(gateway.app.websocketServer, 'connection') as Promise<[WebSocket]>
  const slow = await connect(t, gateway.url, { dialect: '2.0' })
  await accepted
  await slow.call('events.subscribe', { kinds: ['weather'] })
  slow.socket.pause()
  const text = 'x'.repeat(256 * 1024)
  for (let n = 0; n < 200; n++) gateway.app.events.publish('weather', { text })
  assert.ok(gateway.app.connections.owed < 4 * 1024 * 1024, `${gateway.app.connections.owed} bytes are owed`)
  slow.socket.resume()
  // In the dialect of the connection.
  const { params } = await slow.frame(({ method, params }) => method === 'event' && params.event === 'lost')
  assert.deepEqual([params.id, params.data], [null, { kinds: ['weather'] }])
  gateway.app.events.publish('weather', { text: 'sun' })
  await slow.frame(({ params }) => params?.data?.text === 'sun')
})
