import assert from 'node:assert/strict'
import test from 'node:test'
import { build, connect, rejection, type TestClient } from '../../helper.ts'
import { post } from '../../routes/post.ts'
import { core, DESKTOP, FakePeer, gateway, node, ON } from './fixtures.ts'

const refused = async (client: TestClient, method: string, params?: object): Promise<string> => {
  const { code, message } = await rejection(client.call(method, params as Record<string, unknown>))
  assert.equal(code, -2, message)
  return message
}

const NODE_METHODS = {
  'node.capabilities.get': {},
  'node.location.set': { latitude: 1, longitude: 2 },
  'node.location.get': {},
  'node.status.set': {},
  'node.push_token.set': { provider: 'fcm', token: 'x'.repeat(32) },
  'node.result': { callId: 'x', ok: true }
}

test('a node registers and gets the negotiated terms', async (t) => {
  const { url } = await gateway(t)
  const client = await connect(t, url)
  const capabilities = ['ui.canvas', 'camera.snap', 'unheard.of', 'constructor', 'ui.canvas', 'notifications']
  const agreed = {
    node: { id: 'companion-desktop', role: 'companion' },
    protocol: { serverVersion: 1, clientVersion: 7, negotiatedVersion: 1 },
    capabilities: {
      declared: ['ui.canvas', 'camera.snap', 'unheard.of', 'constructor', 'notifications'],
      enabled: ['ui.canvas', 'notifications']
    }
  }
  assert.deepEqual(await client.call('node.register', { ...DESKTOP, protocolVersion: 7, capabilities }), {
    registered: true,
    ...agreed
  })
  assert.deepEqual(await client.call('node.capabilities.get'), agreed)
})

test('disabled nodes and disabled parts are refused', async (t) => {
  const off = await build(t)
  const client = await connect(t, off.url)
  assert.match(await refused(client, 'node.register', DESKTOP), /needs server\.nodes\.enabled: true/)
  assert.match(await refused(client, 'node.invoke', { nodeId: 'x', capability: 'y' }), /needs server\.nodes\.enabled: true/)
  assert.deepEqual([await client.call('system.nodes'), await client.call('system.location')], [{ nodes: [] }, { locations: [] }])
  assert.equal(await off.app.tools.get('node.invoke'), undefined)

  const { url } = await gateway(t, { nodes: { enabled: true } })
  const desktop = await node(t, url)
  assert.match(await refused(desktop, 'node.location.set', { latitude: 1, longitude: 2 }), /server\.nodes\.location\.enabled/)
  assert.match(await refused(desktop, 'node.location.get'), /server\.nodes\.location\.enabled/)
  assert.match(
    await refused(desktop, 'node.push_token.set', { provider: 'fcm', token: 'x'.repeat(32) }),
    /server\.nodes\.push\.enabled/
  )
  assert.deepEqual((await desktop.call('node.capabilities.get')).capabilities.enabled, [])
})

test('an invalid role, version, name or capability is refused', async (t) => {
  const { url, app } = await gateway(t)
  const client = await connect(t, url)
  for (const [change, says] of [
    [{ role: 'operator' }, /params\.role must be one of companion/],
    [{ protocolVersion: 0 }, /params\.protocolVersion must be an integer between 1 and/],
    [{ protocolVersion: 1.5 }, /params\.protocolVersion/],
    [{ nodeId: '' }, /params\.nodeId/],
    [{ nodeId: 'a\nb' }, /params\.nodeId/],
    [{ nodeId: 'x'.repeat(129) }, /params\.nodeId/],
    [{ capabilities: ['UI'] }, /params\.capabilities\[0\] must be a capability such as ui\.canvas/],
    [{ capabilities: ['ui..canvas'] }, /params\.capabilities\[0\]/],
    [{ capabilities: ['__proto__'] }, /params\.capabilities\[0\]/],
    [{ capabilities: ['x'.repeat(65)] }, /params\.capabilities\[0\]/],
    [{ capabilities: Array.from({ length: 65 }, (_, n) => `c${n}`) }, /params\.capabilities must be an array of at most 64/],
    [{ enabled: ['ui.canvas'] }, /params\.enabled is not known/],
    [{ owner: 'token:x' }, /params\.owner is not known/]
  ] as const) {
    assert.match(await refused(client, 'node.register', { ...DESKTOP, ...change }), says)
  }
  assert.deepEqual(await app.db.nodes.list(), [])
  await node(t, url, { nodeId: 'x'.repeat(128), capabilities: Array.from({ length: 64 }, (_, n) => `c${n}`) })
})

test('node methods need a registration and a WebSocket', async (t) => {
  const { url } = await gateway(t)
  const client = await connect(t, url)
  for (const [method, params] of Object.entries(NODE_METHODS)) {
    assert.match(await refused(client, method, params), /no registered node: call node\.register first/, method)
    const { status, json } = await post(url, method, params)
    assert.deepEqual([status, json.error.code], [400, -2])
    assert.match(json.error.message, /needs a WebSocket connection/, method)
  }
  assert.match((await post(url, 'node.register', DESKTOP)).json.error.message, /needs a WebSocket connection/)
})

test('registering again on the same connection replaces', async (t) => {
  const { url } = await gateway(t)
  const client = await node(t, url)
  await client.call('node.register', { ...DESKTOP, capabilities: ['notifications'] })
  assert.deepEqual((await client.call('node.capabilities.get')).capabilities.declared, ['notifications'])
  await client.call('node.register', { ...DESKTOP, nodeId: 'other' })
  const { nodes } = await client.call('system.nodes')
  assert.deepEqual(
    nodes.map(({ id }: { id: string }) => id),
    ['other']
  )
})

test('a second connection takes a node over and closes the first with 1008', async (t) => {
  const { url, app } = await gateway(t)
  const first = await node(t, url)
  const closed = first.closed()
  const second = await node(t, url, { capabilities: ['notifications'] })
  assert.deepEqual(await closed, { code: 1008, reason: 'the node was registered from another connection' })
  assert.deepEqual((await second.call('node.capabilities.get')).capabilities.declared, ['notifications'])
  assert.equal((await second.call('system.capabilities')).nodes.registered, true)
  const { nodes } = await second.call('system.nodes')
  assert.deepEqual([nodes.length, nodes[0].connected, nodes[0].capabilities.declared], [1, true, ['notifications']])
  const asked = second.frame(({ event }) => event === 'invoke')
  const answer = app.nodes.invoke(
    { nodeId: DESKTOP.nodeId, capability: 'notifications' },
    { signal: AbortSignal.timeout(10_000) }
  )
  await second.call('node.result', { callId: (await asked).data.callId, ok: true })
  assert.equal((await answer).ok, true)
})

test('a node whose connection is gone is offline and may come back', async (t) => {
  const { url } = await gateway(t)
  const desktop = await node(t, url)
  const other = await node(t, url, { nodeId: 'other' })
  desktop.socket.close()
  await desktop.closed()
  const listed = async () => (await other.call('system.nodes')).nodes.map(({ id }: { id: string }) => id)
  // The client sees the end of a closing handshake before the gateway has let go of its socket.
  while ((await listed()).length > 1);
  assert.deepEqual(await listed(), ['other'])
  const { nodes } = await other.call('system.nodes', { includeOffline: true })
  assert.deepEqual(
    nodes.map(({ id, connected, connectionId }: Record<string, unknown>) => [id, connected, typeof connectionId]),
    [
      ['companion-desktop', false, 'undefined'],
      ['other', true, 'string']
    ]
  )
  await node(t, url)
  assert.deepEqual(await listed(), ['companion-desktop', 'other'])
})

test('a node belongs to its first credential; only admin may take it', async (t) => {
  const tokens = [
    { name: 'ann', token: 'ann', scopes: ['node'] },
    { name: 'bob', token: 'bob', scopes: ['node', 'operate'] },
    { name: 'root', token: 'root', scopes: ['admin'] },
    { name: 'reader', token: 'reader', scopes: ['read', 'write', 'operate'] }
  ] as const
  const { url, app } = await gateway(t, { tokens })
  const ann = await node(t, url, {}, { token: 'ann' })
  const bob = await connect(t, url, { token: 'bob' })
  const { code, message } = await rejection(bob.call('node.register', DESKTOP))
  assert.equal(code, -5)
  assert.match(message, /companion-desktop was registered with another credential/)
  assert.ok(!message.includes('ann'))
  assert.match(await refused(bob, 'node.status.set', {}), /call node\.register first/)
  assert.equal((await ann.call('system.capabilities')).nodes.nodeId, 'companion-desktop')
  await app.audit.flush()
  assert.ok(
    (await app.db.audit.list({ limit: 10 })).some(({ event, actor }) => event === 'node.refused' && actor === 'token:bob')
  )

  const closed = ann.closed()
  await node(t, url, {}, { token: 'root' })
  assert.equal((await closed).code, 1008)
  await rejection(bob.call('node.register', DESKTOP))
  await node(t, url, {}, { token: 'ann' })
  assert.equal((await bob.call('system.nodes')).nodes[0].owner, 'token:ann')

  const reader = await connect(t, url, { token: 'reader' })
  assert.equal((await rejection(reader.call('node.register', DESKTOP))).code, -5)
})

test('connected nodes are bounded, and one that comes back counts once', async (t) => {
  const { db, register } = await core(t, { max: 3 })
  const peer = await register('a')
  await register('b')
  await register('c')
  assert.equal((await rejection(register('d'))).code, 3)
  await register('b')
  await register('d', peer)
  assert.equal((await rejection(register('a'))).code, 3)
  peer.end()
  await register('e')
  assert.deepEqual(
    (await db.nodes.list()).map(({ id }) => id),
    ['b', 'c', 'e']
  )
})

test('system.capabilities shows each connection its own node', async (t) => {
  const { url } = await gateway(t)
  const policy = { enabled: true, locationEnabled: true, pushEnabled: true, allowedRoles: ['companion'] }
  const desktop = await node(t, url)
  const other = await connect(t, url)
  const [mine, others] = [await desktop.call('system.capabilities'), await other.call('system.capabilities')]
  assert.deepEqual(mine.nodes, { ...policy, registered: true, role: 'companion', nodeId: 'companion-desktop' })
  assert.deepEqual(others.nodes, { ...policy, registered: false })
  assert.deepEqual(mine.featureGates, ON.featureGates)
  assert.deepEqual((await post(url, 'system.capabilities', {})).json.result.nodes, others.nodes)
})

test('system.capabilities shows nodes as disabled by default', async (t) => {
  const { url } = await build(t)
  const { nodes: told, featureGates } = await (await connect(t, url)).call('system.capabilities')
  assert.deepEqual([told.enabled, told.locationEnabled, told.pushEnabled, told.registered], [false, false, false, false])
  assert.deepEqual(featureGates, {})
})

test('a connection that is gone before it registers takes no node', async (t) => {
  const { nodes, register } = await core(t)
  const first = await register('phone')
  const late = new FakePeer('late')
  const gone = new AbortController()
  const caller = { id: 'token:ann', scopes: new Set(['node'] as const) }
  const registration = nodes.register(
    { ...DESKTOP, nodeId: 'phone' },
    { connection: late, caller, signal: gone.signal, invoke: () => {} }
  )
  gone.abort()
  late.end()
  assert.equal((await rejection(registration)).code, 4)
  assert.deepEqual([nodes.of(first)?.node.id, first.closings], ['phone', []])
})
