import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import test, { type TestContext } from 'node:test'
import { jwtVerify } from 'jose'
import { Fcm, type FcmOptions } from '../../../../plugins/channels/node-push/fcm.ts'
import { FakeClock } from '../../../lanes/fixtures.ts'
import { type PlatformAnswer, startPlatform } from '../platform.ts'

const TOKEN = 'fcm_abcdefghijklmnopqrstuvwxyz123456'
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const PEM = String(privateKey.export({ type: 'pkcs8', format: 'pem' }))
const NEVER = new AbortController().signal
const FCM_ERROR = 'type.googleapis.com/google.firebase.fcm.v1.FcmError'
const BAD_REQUEST = 'type.googleapis.com/google.rpc.BadRequest'

async function rig(t: TestContext, settings: Partial<ReturnType<FcmOptions['settings']>> = {}) {
  let answer: PlatformAnswer = { json: { name: 'projects/p/messages/1' } }
  let tokens = 0
  const { url, requests } = await startPlatform(t, ({ path }) =>
    path === '/token' ? { json: { access_token: `token-${++tokens}`, expires_in: 3599 } } : answer
  )
  const clock = new FakeClock()
  const now = Date.now()
  await clock.advance(now)
  const inForce = {
    projectId: 'p',
    clientEmail: 'push@p.iam',
    privateKey: PEM,
    apiUrl: url,
    tokenUrl: `${url}/token`,
    ...settings
  }
  const fcm = new Fcm({
    settings: () => inForce,
    clock
  })
  const fails = (status: number, error: object, headers = {}) => {
    answer = { status, json: { error: { code: status, message: `about ${TOKEN}`, ...error } }, headers }
  }
  return {
    url,
    fcm,
    requests,
    fails,
    send: () => fcm.send({ token: TOKEN }, { title: 'Tea' }, NEVER),
    pushes: () => requests.filter(({ path }) => path !== '/token')
  }
}

test('a notification goes out with a token that the service account was given', async (t) => {
  const { fcm, requests, url } = await rig(t)
  const sent = await fcm.send({ token: TOKEN }, { title: 'Tea', body: 'is ready', data: { pot: '1' } }, NEVER)
  assert.deepEqual(sent, { id: 'projects/p/messages/1' })
  const [asked, push] = requests
  const { payload } = await jwtVerify(new URLSearchParams(asked?.body).get('assertion') ?? '', publicKey)
  assert.deepEqual(
    [payload.iss, payload.aud, payload.scope],
    ['push@p.iam', `${url}/token`, 'https://www.googleapis.com/auth/firebase.messaging']
  )
  assert.deepEqual(
    [push?.method, push?.path, push?.headers.authorization],
    ['POST', '/v1/projects/p/messages:send', 'Bearer token-1']
  )
  assert.deepEqual(push?.json, {
    message: { token: TOKEN, notification: { title: 'Tea', body: 'is ready' }, data: { pot: '1' }, android: { priority: 'HIGH' } }
  })
})

test('without words an app is woken in the background, and the token of the service account is used again', async (t) => {
  const { fcm, pushes, requests } = await rig(t)
  for (const n of ['1', '2']) await fcm.send({ token: TOKEN }, { data: { n } }, NEVER)
  assert.deepEqual(pushes()[1]?.json, { message: { token: TOKEN, data: { n: '2' }, android: { priority: 'NORMAL' } } })
  assert.equal(requests.length, 3)
})

test('a device is gone when FCM says so of its token, and of nothing else', async (t) => {
  const { send, fails } = await rig(t)
  fails(404, { status: 'NOT_FOUND', details: [{ '@type': FCM_ERROR, errorCode: 'UNREGISTERED' }] })
  assert.deepEqual(await send(), { reason: 'UNREGISTERED', gone: {} })
  const invalid = { '@type': FCM_ERROR, errorCode: 'INVALID_ARGUMENT' }
  const blames = (field: string) => ({ '@type': BAD_REQUEST, fieldViolations: [{ field }] })
  for (const details of [[invalid], [invalid, blames('message.token')]]) {
    fails(400, { status: 'INVALID_ARGUMENT', details })
    assert.deepEqual(await send(), { reason: 'INVALID_ARGUMENT', gone: {} })
  }
  for (const details of [
    [blames('message.data')],
    [invalid, blames('message.data[0].value')],
    [invalid, { '@type': BAD_REQUEST }],
    [null],
    'x'
  ]) {
    fails(400, { status: 'INVALID_ARGUMENT', details })
    assert.deepEqual(await send(), { reason: 'INVALID_ARGUMENT', retryable: false, retryAfterMs: undefined })
  }
  fails(403, { status: 'PERMISSION_DENIED', details: [{ '@type': FCM_ERROR, errorCode: 'SENDER_ID_MISMATCH' }] })
  assert.deepEqual(await send(), { reason: 'SENDER_ID_MISMATCH', retryable: false, retryAfterMs: undefined })
})

test('a service that is busy can be tried again, when it says', async (t) => {
  const { send, fails, pushes } = await rig(t)
  fails(
    429,
    { status: 'RESOURCE_EXHAUSTED', details: [{ '@type': FCM_ERROR, errorCode: 'QUOTA_EXCEEDED' }] },
    { 'retry-after': '60' }
  )
  assert.deepEqual(await send(), { reason: 'QUOTA_EXCEEDED', retryable: true, retryAfterMs: 60_000 })
  fails(503, { status: `about ${TOKEN}` })
  assert.deepEqual(await send(), { reason: 'status 503', retryable: true, retryAfterMs: undefined })
  fails(401, { status: 'UNAUTHENTICATED' })
  await send()
  await send()
  assert.deepEqual(
    pushes().map(({ headers }) => headers.authorization),
    ['Bearer token-1', 'Bearer token-1', 'Bearer token-1', 'Bearer token-2']
  )
})

test('an absent service can be tried again, a malformed key cannot', async (t) => {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  listener.close()
  await once(listener, 'close')
  const { fcm } = await rig(t, { apiUrl: `http://127.0.0.1:${port}` })
  assert.deepEqual(await fcm.send({ token: TOKEN }, { title: 'Tea' }, NEVER), {
    reason: `no answer from 127.0.0.1:${port}: ECONNREFUSED`,
    retryable: true
  })
  const { send } = await rig(t, { privateKey: 'secret' })
  assert.deepEqual(await send(), { reason: 'server.nodes.push.fcm.private_key is no RSA key in PEM', retryable: false })
})

test('a message of more than 4,096 bytes is refused', async (t) => {
  const { fcm, requests } = await rig(t)
  const data = { a: 'x'.repeat(4096) }
  await assert.rejects(fcm.send({ token: TOKEN }, { data }, NEVER), /params make \d+ bytes; FCM takes 4096/)
  assert.equal(requests.length, 0)
})

test('missing settings are named by their keys', async (t) => {
  const { fcm } = await rig(t, { projectId: undefined, clientEmail: undefined, privateKey: undefined } as never)
  assert.deepEqual(
    fcm.missing(),
    ['project_id', 'client_email', 'private_key'].map((key) => `server.nodes.push.fcm.${key}`)
  )
})
