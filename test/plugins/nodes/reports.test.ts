import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { inspect } from 'node:util'
import { connect, type Frame, rejection, scratch } from '../../helper.ts'
import { core, gateway, node, ON } from './fixtures.ts'

const FCM = 'fcm_abcdefghijklmnopqrstuvwxyz123456'
const HERE = { latitude: 37.7749, longitude: -122.4194, accuracyMeters: 12.4, source: 'gps', capturedAt: 1763241200000 }

const secret = (): string => randomBytes(32).toString('base64')

test('a location is stored with its time of receipt and outlasts the connection', async (t) => {
  const { url } = await gateway(t)
  const desktop = await node(t, url)
  const me = { id: 'companion-desktop', role: 'companion' }
  assert.deepEqual(await desktop.call('node.location.get'), { node: me, location: null })
  const set = await desktop.call('node.location.set', HERE)
  assert.deepEqual(set, { updated: true, node: me, location: { ...HERE, receivedAt: set.location.receivedAt } })
  assert.ok(set.location.receivedAt > HERE.capturedAt)
  assert.deepEqual(await desktop.call('node.location.get'), { node: me, location: set.location })

  const closed = desktop.closed()
  desktop.socket.close()
  await closed
  const operator = await connect(t, url)
  assert.deepEqual((await operator.call('system.location')).locations[0].location, set.location)
  const again = await node(t, url)
  assert.deepEqual((await again.call('node.location.get')).location, set.location)
  const { location } = await again.call('node.location.set', { latitude: -90, longitude: 180 })
  assert.deepEqual(location, { latitude: -90, longitude: 180, capturedAt: location.receivedAt, receivedAt: location.receivedAt })
})

test('impossible places and times are refused', async (t) => {
  const { url } = await gateway(t)
  const desktop = await node(t, url)
  for (const [change, path] of [
    [{ latitude: 90.0001 }, 'latitude'],
    [{ latitude: -91 }, 'latitude'],
    [{ latitude: '1' }, 'latitude'],
    [{ latitude: null }, 'latitude'],
    [{ longitude: 180.5 }, 'longitude'],
    [{ longitude: -181 }, 'longitude'],
    [{ accuracyMeters: -0.1 }, 'accuracyMeters'],
    [{ capturedAt: -1 }, 'capturedAt'],
    [{ capturedAt: 1.5 }, 'capturedAt'],
    [{ capturedAt: 9e15 }, 'capturedAt'],
    [{ source: 'g\nps' }, 'source'],
    [{ source: 'x'.repeat(65) }, 'source'],
    [{ receivedAt: 1 }, 'receivedAt'],
    [{ nodeId: 'other' }, 'nodeId']
  ] as const) {
    const { code, data } = await rejection(desktop.call('node.location.set', { ...HERE, ...change }))
    assert.deepEqual([code, data.issues[0].path], [-2, `params.${path}`], JSON.stringify(change))
  }
  assert.equal((await desktop.call('node.location.get')).location, null)
})

test('system.location lists the newest first', async (t) => {
  const { url } = await gateway(t)
  const [old, newer] = [await node(t, url, { nodeId: 'old' }), await node(t, url, { nodeId: 'newer' })]
  await newer.call('node.location.set', { ...HERE, capturedAt: 2_000 })
  await old.call('node.location.set', { ...HERE, capturedAt: 1_000 })
  await node(t, url, { nodeId: 'nowhere' })
  const { locations } = await old.call('system.location')
  assert.deepEqual(
    locations.map(({ node, connected }: Frame) => [node, connected]),
    ['newer', 'old'].map((id) => [{ id, role: 'companion' }, true])
  )
})

test('a clock that runs ahead does not make a location newer', async (t) => {
  let now = 0
  const { nodes, register } = await core(t, { now: () => now })
  for (const [at, id, capturedAt] of [
    [100, 'ahead', 8e15],
    [200, 'right', 150],
    [300, 'late', 50],
    [400, 'last', undefined],
    [500, 'same', 150]
  ] as const) {
    now = at
    const { capturedAt: _, ...here } = HERE
    await nodes.setLocation(await register(id), { ...here, ...(capturedAt !== undefined && { capturedAt }) })
  }
  assert.deepEqual(
    (await nodes.locations()).map(({ node }) => node.id),
    ['last', 'same', 'right', 'ahead', 'late']
  )
})

test('a status replaces the one before, and is listed with the node', async (t) => {
  const { url } = await gateway(t)
  const desktop = await node(t, url)
  const status = {
    platform: 'macos',
    appVersion: '0.3.1',
    deviceName: 'Änn’s MacBook 😀',
    statusText: 'Idle',
    batteryPct: 64,
    powerSource: 'battery'
  }
  const set = await desktop.call('node.status.set', status)
  assert.deepEqual(set.status, { ...status, updatedAt: set.status.updatedAt })
  assert.deepEqual((await desktop.call('system.nodes')).nodes[0].status, set.status)
  const next = await desktop.call('node.status.set', { statusText: 'Busy' })
  assert.deepEqual((await desktop.call('system.nodes')).nodes[0].status, {
    statusText: 'Busy',
    updatedAt: next.status.updatedAt
  })
  for (const wrong of [
    { batteryPct: 101 },
    { batteryPct: -1 },
    { deviceName: 'x'.repeat(129) },
    { statusText: 'two\nlines' },
    { statusText: '\ud800' },
    { mood: 'good' }
  ]) {
    assert.equal((await rejection(desktop.call('node.status.set', wrong))).code, -2, JSON.stringify(wrong))
  }
})

test('a push token is shown as a preview only and stored encrypted', async (t) => {
  const lines: string[] = []
  const { url, app, dataDir } = await gateway(t, { secret_key: secret() })
  const write = (...words: unknown[]): void => void lines.push(inspect(words, { depth: 5 }))
  for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) app.log[level] = write as never
  const desktop = await node(t, url)
  const set = await desktop.call('node.push_token.set', { provider: 'fcm', token: FCM })
  assert.deepEqual(set.push, { provider: 'fcm', tokenPreview: 'fcm_...3456', readable: true, updatedAt: set.push.updatedAt })
  assert.deepEqual((await desktop.call('system.nodes')).nodes[0].push, set.push)
  await rejection(desktop.call('node.push_token.set', { provider: 'apns', token: FCM }))
  await rejection(desktop.call('node.push_token.set', { provider: 'fcm', token: FCM, topic: 'com.example' }))
  await rejection(desktop.call('node.push_token.set', { provider: 'fcm', token: FCM, [FCM.slice(0, 20)]: FCM }))
  await app.audit.flush()
  lines.push(JSON.stringify(await app.db.audit.list({ limit: 50 })))
  // A failure that nobody foresaw names nothing of what was to be stored.
  await app.db.close()
  assert.equal((await rejection(desktop.call('node.push_token.set', { provider: 'fcm', token: FCM }))).code, 5)
  assert.ok(lines.length > 0)
  const secretPart = FCM.slice(20, -4)
  assert.ok(!JSON.stringify([lines, desktop.frames]).includes(secretPart))
  assert.ok(!(await readFile(join(dataDir, 'flynn.db'))).includes(secretPart))
})

test('a token stored without a key is encrypted at the next start', async (t) => {
  const dataDir = await scratch(t)
  const [mine, other] = [secret(), secret()]
  const first = await gateway(t, {}, dataDir)
  const desktop = await node(t, first.url)
  await desktop.call('node.push_token.set', { provider: 'fcm', token: FCM })
  assert.equal((await first.app.db.nodes.get('companion-desktop'))?.push?.token, `plain:${FCM}`)
  await first.host.close()

  const shown = async (server: object) => {
    const { url, app, host } = await gateway(t, server, dataDir)
    const { nodes } = await (await connect(t, url)).call('system.nodes', { includeOffline: true })
    const stored = (await app.db.nodes.get('companion-desktop'))!.push!.token
    await host.close()
    return { ...nodes[0].push, stored }
  }
  const sealed = await shown({ secret_key: mine })
  assert.deepEqual([sealed.tokenPreview, sealed.readable], ['fcm_...3456', true])
  assert.match(sealed.stored, /^aes-256-gcm:/)
  for (const server of [{ secret_key: other }, {}]) {
    const { tokenPreview, readable, stored } = await shown(server)
    assert.deepEqual([tokenPreview, readable, stored], ['***', false, sealed.stored])
  }
  assert.equal((await shown({ secret_key: mine })).tokenPreview, 'fcm_...3456')
})

test('a token that another node sets moves to it', async (t) => {
  const { url } = await gateway(t)
  const [one, other] = [await node(t, url, { nodeId: 'one' }), await node(t, url, { nodeId: 'other' })]
  const token = 'AB'.repeat(32)
  await one.call('node.push_token.set', { provider: 'apns', token, environment: 'sandbox', topic: 'com.example.app' })
  const { push } = await other.call('node.push_token.set', { provider: 'apns', token: token.toLowerCase() })
  assert.equal(push.tokenPreview, 'abab...abab')
  const { nodes } = await one.call('system.nodes')
  assert.deepEqual(
    nodes.map(({ id, push }: Frame) => [id, push?.provider]),
    [
      ['one', undefined],
      ['other', 'apns']
    ]
  )
})

test('locations are not shown once they are disabled', async (t) => {
  const dataDir = await scratch(t)
  const first = await gateway(t, {}, dataDir)
  await (await node(t, first.url)).call('node.location.set', HERE)
  await first.host.close()
  const { url } = await gateway(t, { nodes: { ...ON, location: { enabled: false } } }, dataDir)
  const client = await connect(t, url)
  assert.deepEqual((await client.call('system.location')).locations, [])
  assert.equal((await client.call('system.nodes', { includeOffline: true })).nodes[0].location, null)
})
