import assert from 'node:assert/strict'
import test from 'node:test'
import { connect, type Frame, rejection, scratch, type TestClient } from '../../helper.ts'
import { DESKTOP, gateway, node } from './fixtures.ts'

const NOTIFICATIONS = {
  name: 'notifications',
  description: 'Shows a notification',
  params: {
    type: 'object',
    properties: { title: { type: 'string' }, urgency: { enum: ['low', 'high'] } },
    required: ['title'],
    additionalProperties: false
  }
}
const CALL = { nodeId: DESKTOP.nodeId, capability: 'notifications' }

/** A node with one described capability, one by name, and one that no gate opens. */
const described = (client: TestClient, capabilities: unknown[] = ['ui.canvas', NOTIFICATIONS, { name: 'camera.snap' }]) =>
  client.call('node.register', { ...DESKTOP, capabilities })

test('a description and a schema are shown beside the names, also while the node is away', async (t) => {
  const dataDir = await scratch(t)
  const first = await gateway(t, {}, dataDir)
  const desktop = await connect(t, first.url)
  const capabilities = {
    declared: ['ui.canvas', 'notifications', 'camera.snap'],
    enabled: ['ui.canvas', 'notifications'],
    details: [NOTIFICATIONS]
  }
  assert.deepEqual((await described(desktop)).capabilities, capabilities)
  assert.deepEqual((await desktop.call('node.capabilities.get')).capabilities, capabilities)
  assert.deepEqual((await desktop.call('system.nodes')).nodes[0].capabilities, capabilities)
  await first.host.close()

  const { url } = await gateway(t, {}, dataDir)
  const operator = await connect(t, url)
  const { nodes } = await operator.call('system.nodes', { includeOffline: true })
  assert.deepEqual([nodes[0].connected, nodes[0].capabilities], [false, capabilities])
})

test('arguments are checked before the node is asked', async (t) => {
  const { url } = await gateway(t)
  const desktop = await connect(t, url)
  await described(desktop)
  const operator = await connect(t, url)
  for (const [args, says] of [
    [undefined, 'params.args.title is required'],
    [{ title: 7 }, 'params.args.title must be string'],
    [{ title: 'Tea', titel: 'x' }, 'params.args.titel is unknown'],
    [{ title: 'Tea', urgency: 'now' }, 'params.args.urgency must be one of "low", "high"']
  ] as const) {
    const { code, message } = await rejection(operator.call('node.invoke', { ...CALL, ...(args && { args }) }))
    assert.deepEqual([code, message], [-2, says])
  }
  assert.ok(!desktop.frames.some(({ event }) => event === 'invoke'))
  const request = operator.start('node.invoke', { ...CALL, args: { title: 'Tea', urgency: 'low' } })
  const { data } = await desktop.frame(({ event }) => event === 'invoke')
  await desktop.call('node.result', { callId: data.callId, ok: true })
  assert.equal((await operator.final(request)).result.ok, true)
})

test('a malformed or oversized description is refused; the last of one name counts', async (t) => {
  const { url, app } = await gateway(t)
  const client = await connect(t, url)
  for (const [capability, says] of [
    [{ name: 'UI' }, /params\.capabilities\[0\] must be a capability such as ui\.canvas/],
    [{ name: 'a', title: 'x' }, /params\.capabilities\[0\] must be .*\{name, description, params\}/],
    [{ name: 'a', description: 'two\nlines' }, /params\.capabilities\[0\]/],
    [{ name: 'a', params: [] }, /params\.capabilities\[0\]/],
    [{ name: 'a', params: { type: 'array' } }, /params\.capabilities\[0\]\.params must be a JSON Schema of an object/],
    [{ name: 'a', params: { description: 'x'.repeat(32 * 1024) } }, /params\.capabilities have 32\d{3} characters/]
  ] as const) {
    const { code, message } = await rejection(described(client, [capability]))
    assert.equal(code, -2)
    assert.match(message, says)
  }
  assert.deepEqual(await app.db.nodes.list(), [])
  const { capabilities } = await described(client, [NOTIFICATIONS, 'ui.canvas', 'notifications'])
  assert.deepEqual(capabilities, { declared: ['notifications', 'ui.canvas'], enabled: ['notifications', 'ui.canvas'] })
})

test('a schema that cannot be compiled is left to the node', async (t) => {
  const { url } = await gateway(t)
  const desktop = await connect(t, url)
  await described(desktop, [{ name: 'notifications', params: { properties: 7 } }])
  const operator = await connect(t, url)
  const request = operator.start('node.invoke', { ...CALL, args: { anything: 1 } })
  const { data } = await desktop.frame(({ event }) => event === 'invoke')
  await desktop.call('node.result', { callId: data.callId, ok: true })
  assert.equal((await operator.final(request)).result.ok, true)
})

test('the tool of the agent lists what connected nodes can do, within a bound', async (t) => {
  const { url } = await gateway(t)
  const person = await connect(t, url)
  const description = async (): Promise<string> =>
    (await person.call('tools.list')).tools.find(({ name }: Frame) => name === 'node.invoke').description
  assert.match(await description(), /No device with a capability is connected now\.$/)
  await described(await connect(t, url))
  const listed = await description()
  const schema = JSON.stringify(NOTIFICATIONS.params)
  assert.ok(
    listed.endsWith(`\n- nodeId companion-desktop:\n  - ui.canvas\n  - notifications: Shows a notification args: ${schema}`)
  )

  const wordy = [{ name: 'notifications', params: { description: 'x'.repeat(7800) } }]
  await node(t, url, { nodeId: 'a-wordy', capabilities: wordy as never })
  const cut = await description()
  assert.ok(cut.length < 9000)
  assert.match(cut, /- nodeId companion-desktop: ui\.canvas, notifications$/)
})

test('a forgotten node is disconnected, keeps nothing, and may get another owner', async (t) => {
  const tokens = [
    { name: 'ann', token: 'ann', scopes: ['node'] },
    { name: 'bob', token: 'bob', scopes: ['node'] },
    { name: 'operator', token: 'operator', scopes: ['operate'] }
  ] as const
  const { url, app } = await gateway(t, { tokens })
  const operator = await connect(t, url, { token: 'operator' })
  const ann = await node(t, url, {}, { token: 'ann' })
  await ann.call('node.status.set', { platform: 'linux' })
  await ann.call('node.location.set', { latitude: 1, longitude: 2 })
  await ann.call('node.push_token.set', { provider: 'fcm', token: 'x'.repeat(40) })
  const waiting = operator.start('node.invoke', CALL)
  await ann.frame(({ event }) => event === 'invoke')

  const closed = ann.closed()
  const { nodeId } = DESKTOP
  const changes: string[] = []
  app.hooks.on('node.changed', ({ change }) => void changes.push(change))
  assert.deepEqual(await operator.call('node.forget', { nodeId }), { nodeId, forgotten: true, disconnected: true })
  assert.deepEqual(await closed, { code: 1008, reason: 'the node was forgotten' })
  assert.match((await operator.final(waiting)).error.message, /it was forgotten/)
  assert.deepEqual((await operator.call('system.nodes', { includeOffline: true })).nodes, [])
  assert.deepEqual(changes, ['left', 'forgotten'])
  const { code, message } = await rejection(operator.call('node.forget', { nodeId }))
  assert.deepEqual([code, message], [-2, 'params.nodeId must be a node that is known'])

  await node(t, url, {}, { token: 'bob' })
  const { owner, status, location, push } = (await operator.call('system.nodes')).nodes[0]
  assert.deepEqual([owner, status, location, push], ['token:bob', null, null, null])
  const entries = (await app.audit.list({ limit: 20 })).filter(({ event }) => event === 'node.forget')
  assert.deepEqual(
    entries.map(({ actor, detail }) => [actor, detail]),
    [['token:operator', { nodeId, disconnected: true }]]
  )
})
