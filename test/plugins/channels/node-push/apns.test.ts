import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import test, { type TestContext } from 'node:test'
import { jwtVerify } from 'jose'
import { Apns, type ApnsOptions } from '../../../../plugins/channels/node-push/apns.ts'
import { FakeClock } from '../../../lanes/fixtures.ts'
import { type ApnsAnswer, startApns } from './apns-server.ts'

const TOKEN = '0123456789abcdef'.repeat(4)
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const PEM = String(privateKey.export({ type: 'pkcs8', format: 'pem' }))
const NEVER = new AbortController().signal

async function rig(t: TestContext, settings: Partial<ReturnType<ApnsOptions['settings']>> = {}) {
  let answer: ApnsAnswer | undefined = {}
  const server = await startApns(t, () => answer)
  const clock = new FakeClock()
  await clock.advance(1_700_000_000_000)
  const { url } = server
  const inForce = {
    teamId: 'TEAM',
    keyId: 'KEY',
    privateKey: PEM,
    topic: 'com.example.app',
    url,
    sandboxUrl: `${url}/sandbox/`,
    ...settings
  }
  const apns = new Apns({
    settings: () => inForce,
    clock
  })
  const says = (next: ApnsAnswer | undefined) => {
    answer = next
  }
  const fails = (status: number, body: object, headers = {}) => says({ status, headers, text: JSON.stringify(body) })
  return { ...server, apns, clock, says, fails, send: () => apns.send({ token: TOKEN }, { title: 'Tea' }, NEVER) }
}

test('a notification goes out with a token that APNs can verify', async (t) => {
  const { apns, requests } = await rig(t)
  const sent = await apns.send({ token: TOKEN }, { title: 'Tea', body: 'is ready', data: { pot: '1' } }, NEVER)
  assert.deepEqual(sent, { id: 'id-1' })
  const { path, headers, json } = requests[0]!
  assert.equal(path, `/3/device/${TOKEN}`)
  assert.deepEqual(json, { pot: '1', aps: { alert: { title: 'Tea', body: 'is ready' }, sound: 'default' } })
  assert.deepEqual(
    ['apns-topic', 'apns-push-type', 'apns-priority', 'apns-expiration'].map((name) => headers[name]),
    ['com.example.app', 'alert', '10', '1700086400']
  )
  const jwt = /^bearer (.+)$/.exec(String(headers.authorization))?.[1] ?? ''
  const { payload, protectedHeader } = await jwtVerify(jwt, publicKey, { algorithms: ['ES256'] })
  assert.deepEqual(
    [payload, protectedHeader],
    [
      { iss: 'TEAM', iat: 1_700_000_000 },
      { alg: 'ES256', kid: 'KEY' }
    ]
  )
})

test('without words an app is woken in the background; sandbox and topic are those of the node', async (t) => {
  const { apns, requests } = await rig(t)
  await apns.send({ token: TOKEN, environment: 'sandbox', topic: 'com.example.other' }, { data: { a: 'b' } }, NEVER)
  const { path, headers, json } = requests[0]!
  assert.equal(path, `/sandbox/3/device/${TOKEN}`)
  assert.deepEqual(json, { a: 'b', aps: { 'content-available': 1 } })
  assert.deepEqual(
    ['apns-topic', 'apns-push-type', 'apns-priority'].map((name) => headers[name]),
    ['com.example.other', 'background', '5']
  )
})

test('one token serves for 45 minutes, then there is another', async (t) => {
  const { send, requests, clock } = await rig(t)
  for (const ms of [0, 45 * 60_000 - 1, 1]) {
    await clock.advance(ms)
    await send()
  }
  const [first, second, third] = requests.map(({ headers }) => headers.authorization)
  assert.equal(second, first)
  assert.notEqual(third, first)
})

test('a token that APNs does not take is not used again', async (t) => {
  const { send, requests, fails } = await rig(t)
  fails(403, { reason: 'ExpiredProviderToken' })
  assert.deepEqual(await send(), { reason: 'ExpiredProviderToken', retryable: false, retryAfterMs: undefined })
  await send()
  assert.notEqual(requests[0]?.headers.authorization, requests[1]?.headers.authorization)
})

test('what APNs says of a device it does not know any more', async (t) => {
  const { send, fails } = await rig(t)
  fails(410, { reason: 'Unregistered', timestamp: 1_699_999_999_000 })
  assert.deepEqual(await send(), { reason: 'Unregistered', gone: { since: 1_699_999_999_000 } })
  for (const reason of ['BadDeviceToken', 'DeviceTokenNotForTopic']) {
    fails(400, { reason })
    assert.deepEqual(await send(), { reason, gone: { since: undefined } })
  }
})

test('anything else is no reason to give up the device', async (t) => {
  const { send, fails, says } = await rig(t)
  fails(400, { reason: 'BadTopic' })
  assert.deepEqual(await send(), { reason: 'BadTopic', retryable: false, retryAfterMs: undefined })
  fails(429, { reason: 'TooManyRequests' }, { 'retry-after': '30' })
  assert.deepEqual(await send(), { reason: 'TooManyRequests', retryable: true, retryAfterMs: 30_000 })
  fails(503, { reason: `no name, and ${TOKEN}` })
  assert.deepEqual(await send(), { reason: 'status 503', retryable: true, retryAfterMs: undefined })
  says({ status: 500, text: 'no JSON' })
  assert.deepEqual(await send(), { reason: 'status 500', retryable: true, retryAfterMs: undefined })
})

test('a broken, silent or absent service can be tried again', async (t) => {
  const { says, send } = await rig(t)
  says(undefined)
  const broken = await send()
  assert.ok('reason' in broken && broken.retryable && /^no answer from APNs: \w+$/.test(broken.reason), JSON.stringify(broken))
  const { apns } = await rig(t, { url: 'http://127.0.0.1:9' })
  const refused = await apns.send({ token: TOKEN }, { title: 'Tea' }, NEVER)
  assert.deepEqual(refused, { reason: 'no answer from APNs: ECONNREFUSED', retryable: true })
  const aborted = await apns.send({ token: TOKEN }, { title: 'Tea' }, AbortSignal.abort())
  assert.deepEqual(aborted, { reason: 'no answer from APNs: AbortError', retryable: true })
})

test('an answer without an end is cut off', async (t) => {
  const { says, send } = await rig(t)
  says({ status: 500, text: 'x'.repeat(1024 * 1024) })
  assert.deepEqual(await send(), { reason: 'no answer from APNs: Error', retryable: true })
})

test('a payload of 4,096 bytes is sent, and one more is refused', async (t) => {
  const { apns, requests } = await rig(t)
  const rest = JSON.stringify({ a: '', aps: { 'content-available': 1 } }).length
  const message = (bytes: number) => ({ data: { a: 'x'.repeat(bytes - rest) } })
  assert.deepEqual(await apns.send({ token: TOKEN }, message(4096), NEVER), { id: 'id-1' })
  await assert.rejects(apns.send({ token: TOKEN }, message(4097), NEVER), /params make 4097 bytes; APNs takes 4096/)
  assert.equal(requests.length, 1)
})

test('a key that is none is named, and not quoted', async (t) => {
  const { send, requests } = await rig(t, { privateKey: 'secret' })
  assert.deepEqual(await send(), { reason: 'server.nodes.push.apns.private_key is no key on P-256 in PEM' })
  assert.equal(requests.length, 0)
})

test('a key whose lines were joined is taken', async (t) => {
  const { send } = await rig(t, { privateKey: PEM.replaceAll('\n', '\\n') })
  assert.deepEqual(await send(), { id: 'id-1' })
})

test('missing settings are named by their keys', async (t) => {
  const nothing = { teamId: undefined, keyId: undefined, privateKey: undefined, topic: undefined }
  const { apns } = await rig(t, nothing as never)
  assert.deepEqual(
    apns.missing({ token: TOKEN }),
    ['team_id', 'key_id', 'private_key', 'topic'].map((key) => `server.nodes.push.apns.${key}`)
  )
  assert.equal(apns.missing({ token: TOKEN, topic: 'com.example.app' }).length, 3)
  assert.deepEqual((await rig(t)).apns.missing({ token: TOKEN }), [])
})
