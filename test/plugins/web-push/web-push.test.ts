import assert from 'node:assert/strict'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import test, { type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { Delivery } from '../../../plugins/web-push/deliveries.ts'
import { vapidKeys } from '../../../plugins/web-push/vapid.ts'
import { WebPush } from '../../../plugins/web-push/web-push.ts'
import { build, connect, type Frame, type TestGateway } from '../../helper.ts'
import { gated } from '../../public/fixtures.ts'
import { post } from '../../routes/post.ts'
import { browser, SUBJECT, startPushService, webchat } from './fixtures.ts'

const ANN = 'ann-token'
const BOB = 'bob-token'
const TOKENS = [
  { name: 'ann', token: ANN, scopes: ['read', 'write'] },
  { name: 'bob', token: BOB, scopes: ['read', 'write'] },
  { name: 'phone', token: 'phone-token', scopes: ['node'] },
  { name: 'root', token: 'root-token', scopes: ['admin'] }
]

function gateway(t: TestContext, push: object = {}, config: object = {}): Promise<TestGateway> {
  return build(t, { config: { server: { tokens: TOKENS }, webchat: webchat(push), ...config } as never })
}

interface Asked {
  readonly token?: string | undefined
  readonly body?: unknown
  readonly headers?: Record<string, string>
}

/** A request as the page makes it. */
async function ask(url: string, method: string, path: string, { token = ANN, body, headers }: Asked = {}) {
  const response = await fetch(`${url}/webchat/push/${path}`, {
    method,
    headers: {
      ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) })
  })
  const text = await response.text()
  return { status: response.status, text, json: JSON.parse(text) as Frame }
}

const FCM = 'https://fcm.googleapis.com/fcm/send'

test('the public key is shown when push is on, and outlives a restart', async (t) => {
  const first = await gateway(t)
  const { json } = await ask(first.url, 'GET', 'public-key')
  assert.deepEqual([json.enabled, json.configured, json.publicKey.length], [true, true, 87])
  await first.host.close()
  const second = await gateway(t, {}, { dataDir: first.dataDir })
  assert.deepEqual((await ask(second.url, 'GET', 'public-key')).json, json)
})

test('without them there is no key, not even on disk, and nothing is registered', async (t) => {
  const { url, dataDir } = await gateway(t, { enabled: false })
  assert.deepEqual((await ask(url, 'GET', 'public-key')).json, { enabled: false, configured: false, publicKey: null })
  await assert.rejects(access(join(dataDir, 'vapid.json')))
  const body = browser(`${FCM}/1`).subscription
  const { status, json } = await ask(url, 'POST', 'subscriptions', { body })
  assert.deepEqual([status, json.error.code], [503, -2])
  assert.match(json.error.message, /webchat\.push\.subject/)
  const { url: half } = await gateway(t, { subject: undefined })
  assert.deepEqual((await ask(half, 'GET', 'public-key')).json, { enabled: true, configured: false, publicKey: null })
})

test('a browser is registered, registered again, and removed', async (t) => {
  const { url } = await gateway(t, { maxSubscriptions: 20 })
  const body = browser(`${FCM}/1`).subscription
  const counted = async () => (await ask(url, 'GET', 'subscriptions')).json
  assert.deepEqual(await counted(), { count: 0, cap: 20 })
  const created = await ask(url, 'POST', 'subscriptions', { body })
  assert.deepEqual([created.status, created.json], [201, { ok: true, count: 1, cap: 20 }])
  const updated = await ask(url, 'POST', 'subscriptions', { body: { subscription: body, label: 'Laptop' } })
  assert.deepEqual([updated.status, updated.json], [200, { ok: true, count: 1, cap: 20 }])
  assert.deepEqual(await counted(), { count: 1, cap: 20 })
  const { endpoint } = body
  const remove = (asked: Asked) => ask(url, 'DELETE', 'subscriptions', asked)
  assert.deepEqual((await remove({ body: { endpoint: 'https://other.example' } })).json, { ok: true, removed: false })
  assert.deepEqual((await remove({ body: { endpoint } })).json, { ok: true, removed: true })
  await ask(url, 'POST', 'subscriptions', { body })
  const query = await ask(url, 'DELETE', `subscriptions?endpoint=${encodeURIComponent(endpoint)}`)
  assert.deepEqual([query.status, query.json], [200, { ok: true, removed: true }])
  assert.deepEqual(await counted(), { count: 0, cap: 20 })
  const none = await remove({})
  assert.deepEqual([none.status, none.json.error.code], [400, -2])
  assert.match(none.json.error.message, /^body\.endpoint is required/)
})

test('past the cap a browser is refused with 409, and a known one is still renewed', async (t) => {
  const { url } = await gateway(t, { maxSubscriptions: 1 })
  const known = browser(`${FCM}/1`).subscription
  await ask(url, 'POST', 'subscriptions', { body: known })
  const { status, json } = await ask(url, 'POST', 'subscriptions', { body: browser(`${FCM}/2`).subscription })
  assert.deepEqual([status, json.error.code], [409, -2])
  assert.equal((await ask(url, 'POST', 'subscriptions', { body: known })).status, 200)
})

test('a malformed subscription is refused without quoting it', async (t) => {
  const { url } = await gateway(t)
  const { keys } = browser(`${FCM}/1`).subscription
  const bodies = [{}, { endpoint: 'http://169.254.169.254/secret', keys }, { endpoint: `${FCM}/secret`, keys: {} }, []]
  for (const body of bodies) {
    const { status, text } = await ask(url, 'POST', 'subscriptions', { body })
    assert.equal(status, 400, text)
    assert.doesNotMatch(text, /secret/)
  }
  const large = await ask(url, 'POST', 'subscriptions', { body: { endpoint: 'x'.repeat(20_000) } })
  assert.equal(large.status, 413)
})

test('every route asks for a credential, and a foreign page is refused', async (t) => {
  const { url } = await gateway(t)
  for (const [method, path] of [
    ['GET', 'public-key'],
    ['GET', 'subscriptions'],
    ['POST', 'subscriptions'],
    ['DELETE', 'subscriptions']
  ] as const) {
    assert.equal((await ask(url, method, path, { token: '' })).status, 401)
    assert.equal((await ask(url, method, path, { token: 'wrong' })).status, 401)
  }
  const headers = { origin: 'https://evil.example' }
  const body = browser(`${FCM}/1`).subscription
  for (const method of ['POST', 'DELETE']) {
    assert.equal((await ask(url, method, 'subscriptions', { body, headers })).status, 403)
  }
  const open = await gateway(t, {}, { server: { tokens: TOKENS, authHttp: false } })
  assert.equal((await ask(open.url, 'GET', 'subscriptions', { token: '' })).status, 200)
  assert.equal((await ask(open.url, 'POST', 'subscriptions', { token: '', body })).status, 401)
})

test('a subscription belongs to its last registrant and to admins', async (t) => {
  const { url } = await gateway(t)
  const body = browser(`${FCM}/1`).subscription
  const remove = async (token: string) => (await ask(url, 'DELETE', 'subscriptions', { token, body })).json.removed
  await ask(url, 'POST', 'subscriptions', { body })
  assert.equal(await remove(BOB), false)
  assert.equal((await ask(url, 'POST', 'subscriptions', { token: BOB, body })).status, 200)
  assert.equal(await remove(ANN), false)
  assert.equal(await remove('root-token'), true)
})

test('the end of a run notifies the browsers of a caller without connection', async (t) => {
  const service = await startPushService(t)
  const { url } = await gateway(t)
  const [laptop, phone, other] = ['laptop', 'phone', 'other'].map((name) => browser(`${service.url}/${name}`))
  for (const { subscription } of [laptop!, phone!]) await ask(url, 'POST', 'subscriptions', { body: subscription })
  await ask(url, 'POST', 'subscriptions', { token: BOB, body: other!.subscription })
  const message = `say ${'word '.repeat(100)}`
  const { json } = await post(url, 'agent.send', { sessionId: 'web:a', message }, { token: ANN })
  await service.arrived(2)
  assert.deepEqual(service.pushes.map(({ path }) => path).sort(), ['/laptop', '/phone'])
  const { body, headers } = service.pushes.find(({ path }) => path === '/phone')!
  const { preview, ...ids } = JSON.parse(String(phone!.read(body)))
  assert.deepEqual(ids, { sessionId: 'web:a', runId: json.result.runId })
  assert.match(preview, /^word word /)
  assert.ok(preview.length <= 161)
  assert.match(String(headers.topic), /^[\w-]{32}$/)
})

test('connected callers and other callers are not notified', async (t) => {
  const service = await startPushService(t)
  const { url, host } = await gateway(t)
  const { subscription, read } = browser(`${service.url}/laptop`)
  await ask(url, 'POST', 'subscriptions', { body: subscription })
  const upgraded = new Promise<Duplex>((resolve) => host.server.once('upgrade', (_request, socket) => resolve(socket)))
  const client = await connect(t, url, { token: ANN })
  await post(url, 'agent.send', { sessionId: 'web:a', message: 'say connected' }, { token: ANN })
  await post(url, 'agent.send', { sessionId: 'web:a', message: 'say another' }, { token: BOB })
  const gone = once(await upgraded, 'close')
  client.socket.close()
  await gone
  await setImmediate()
  const { json } = await post(url, 'agent.send', { sessionId: 'web:a', message: 'say alone' }, { token: ANN })
  assert.equal(json.result.response, 'alone')
  await service.arrived(1)
  assert.deepEqual(
    service.pushes.map(({ body }) => JSON.parse(String(read(body))).preview),
    ['alone']
  )
})

test('messages that one run answers are one notification', async (t) => {
  const service = await startPushService(t)
  const { url, app } = await gateway(t)
  const { subscription, read } = browser(`${service.url}/laptop`)
  await ask(url, 'POST', 'subscriptions', { body: subscription })
  const said = (runId: string) => app.webPush.tell({ sessionId: 'web:a', runId, owner: 'token:ann', text: runId })
  for (const runId of ['1', '1', '2']) said(runId)
  await service.arrived(2)
  assert.deepEqual(service.pushes.map(({ body }) => JSON.parse(String(read(body))).runId).sort(), ['1', '2'])
})

test('own cancellations are not notified', async (t) => {
  const { plugin, started } = gated()
  const { url, app } = await build(t, { config: { server: { shutdownGraceSeconds: 0 }, webchat: webchat() }, plugins: [plugin] })
  const tell = t.mock.method(app.webPush, 'tell')
  const asked = post(url, 'agent.send', { sessionId: 'web:a', message: '/tool test.wait {}' })
  await started
  await post(url, 'agent.cancel', { sessionId: 'web:a' })
  assert.equal((await asked).json.error.code, 4)
  assert.equal(tell.mock.callCount(), 0)
  await post(url, 'agent.send', { sessionId: 'web:a', message: 'say hi' })
  assert.match(tell.mock.calls[0]?.arguments[0].text ?? '', /hi$/)
})

test('a subscription that the push service calls gone is removed', async (t) => {
  const service = await startPushService(t, () => ({ status: 410 }))
  const { url, app } = await gateway(t)
  await ask(url, 'POST', 'subscriptions', { body: browser(`${service.url}/laptop`).subscription })
  const remove = app.db.subscriptions.remove
  const removed = new Promise<void>((resolve) => {
    t.mock.method(app.db.subscriptions, 'remove', async (id: string) => {
      const was = await remove(id)
      resolve()
      return was
    })
  })
  await post(url, 'agent.send', { sessionId: 'web:a', message: 'say hi' }, { token: ANN })
  await removed
  assert.equal((await ask(url, 'GET', 'subscriptions')).json.count, 0)
})

test('a subscription whose host is not allowed any more is sent nothing', async (t) => {
  const { app, dataDir } = await gateway(t)
  const started = Promise.withResolvers<Delivery>()
  const webPush = new WebPush({
    settings: () => ({ enabled: true, subject: SUBJECT, hosts: [], maxSubscriptions: 9, allowInsecureHosts: [] }),
    keys: () => vapidKeys(dataDir),
    store: app.db.subscriptions,
    deliveries: { start: started.resolve } as never,
    listens: () => false,
    now: Date.now,
    log: app.log
  })
  for (const [id, host] of [
    ['1', 'push.example.com'],
    ['2', 'fcm.googleapis.com']
  ] as const) {
    const { endpoint, keys } = browser(`https://${host}/x`).subscription
    await app.db.subscriptions.put({ id, owner: 'token:ann', endpoint, ...keys, label: null, updatedAt: 1 }, 9)
  }
  webPush.tell({ sessionId: 'web:a', runId: '1', owner: 'token:ann', text: 'hi' })
  assert.equal((await started.promise).id, '2')
})

test('a node credential takes no place of a browser', async (t) => {
  const { url } = await gateway(t)
  const body = browser(`${FCM}/phone`).subscription
  assert.equal((await ask(url, 'POST', 'subscriptions', { token: 'phone-token', body })).status, 403)
  assert.equal((await ask(url, 'GET', 'subscriptions')).json.count, 0)
  assert.equal((await ask(url, 'POST', 'subscriptions', { body })).status, 201)
})

test('a test notification goes to the own browsers, and tells which services refused it', async (t) => {
  const service = await startPushService(t, ({ path }) => ({ status: path === '/old' ? 410 : path === '/full' ? 413 : 201 }))
  const { url } = await gateway(t)
  const [laptop, old, full, other] = ['laptop', 'old', 'full', 'other'].map((name) => browser(`${service.url}/${name}`))
  for (const { subscription } of [laptop!, old!, full!]) await ask(url, 'POST', 'subscriptions', { body: subscription })
  await ask(url, 'POST', 'subscriptions', { token: BOB, body: other!.subscription })
  const { status, json } = await ask(url, 'POST', 'test', { body: {} })
  assert.deepEqual([status, json.sent, json.failed.length], [200, 1, 2])
  const pushed = service.pushes.find(({ path }) => path === '/laptop')!
  assert.deepEqual(JSON.parse(String(laptop!.read(pushed.body))), { test: true, preview: 'Notifications work.' })
  assert.ok(!service.pushes.some(({ path }) => path === '/other'))
  assert.equal((await ask(url, 'GET', 'subscriptions')).json.count, 3)
  const off = await gateway(t, { enabled: false })
  assert.equal((await ask(off.url, 'POST', 'test', { body: {} })).status, 503)
})
