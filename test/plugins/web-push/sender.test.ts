import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import test, { type TestContext } from 'node:test'
import { jwtVerify } from 'jose'
import { MAX_PAYLOAD_BYTES, type Sending, send } from '../../../plugins/web-push/sender.ts'
import { vapidKeys } from '../../../plugins/web-push/vapid.ts'
import { scratch } from '../../helper.ts'
import { browser, type PushAnswer, SUBJECT, startPushService } from './fixtures.ts'

async function rig(t: TestContext, answer?: () => PushAnswer) {
  const service = await startPushService(t, answer)
  const { subscription, read } = browser(`${service.url}/push/secret?x=y`)
  const { endpoint, keys: browserKeys } = subscription
  const keys = await vapidKeys(await scratch(t))
  const { signal } = new AbortController()
  const sends = (payload: string | Buffer, changes: Partial<Sending> & { endpoint?: string } = {}) =>
    send({ endpoint: changes.endpoint ?? endpoint, ...browserKeys }, Buffer.from(payload), {
      keys,
      subject: SUBJECT,
      topic: 'a-topic_1',
      allowHosts: ['127.0.0.1'],
      signal,
      ...changes
    })
  return { ...service, sends, read, keys }
}

test('a browser reads what was sent, and its push service learns who sent it', async (t) => {
  const { sends, read, pushes, url, keys } = await rig(t)
  assert.deepEqual(await sends('{"preview":"Grüße 😀"}'), { outcome: 'taken' })
  const { path, headers, body } = pushes[0]!
  assert.equal(path, '/push/secret?x=y')
  assert.equal(String(read(body)), '{"preview":"Grüße 😀"}')
  assert.deepEqual(
    [headers['content-encoding'], headers['content-type'], headers.topic, headers.urgency, headers.ttl],
    ['aes128gcm', 'application/octet-stream', 'a-topic_1', 'normal', '86400']
  )
  const [, jwt = '', key = ''] = /^vapid t=([^,]+), k=(.+)$/.exec(headers.authorization ?? '') ?? []
  assert.equal(key, keys.publicKey)
  const point = Buffer.from(key, 'base64url')
  const publicKey = createPublicKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33).toString('base64url')
    }
  })
  const { payload } = await jwtVerify(jwt, publicKey, { audience: url, algorithms: ['ES256'] })
  assert.equal(payload.sub, SUBJECT)
})

test('a payload of 3,993 bytes makes a body of 4,096, and one more byte is not sent', async (t) => {
  const { sends, read, pushes } = await rig(t)
  const largest = Buffer.alloc(MAX_PAYLOAD_BYTES, 'x')
  assert.deepEqual(await sends(largest), { outcome: 'taken' })
  assert.equal(pushes[0]!.body.length, 4096)
  assert.deepEqual(read(pushes[0]!.body), largest)
  await assert.rejects(sends(Buffer.alloc(MAX_PAYLOAD_BYTES + 1)), RangeError)
  assert.equal(pushes.length, 1)
})

test('what a push service answers is gone, busy or refused', async (t) => {
  let answer: PushAnswer = {}
  const { sends } = await rig(t, () => answer)
  const outcomes: [PushAnswer, object][] = [
    [{ status: 200 }, { outcome: 'taken' }],
    [{ status: 202 }, { outcome: 'taken' }],
    [{ status: 404 }, { outcome: 'gone' }],
    [{ status: 410 }, { outcome: 'gone' }],
    [{ status: 400 }, { outcome: 'refused', why: 'status 400' }],
    [{ status: 403 }, { outcome: 'refused', why: 'status 403' }],
    [{ status: 413 }, { outcome: 'refused', why: 'status 413' }],
    [
      { status: 429, headers: { 'retry-after': '7' } },
      { outcome: 'busy', why: 'status 429', afterMs: 7000 }
    ],
    [
      { status: 503, headers: { 'retry-after': 'soon' } },
      { outcome: 'busy', why: 'status 503' }
    ],
    [{ status: 500 }, { outcome: 'busy', why: 'status 500' }]
  ]
  for (const [said, expected] of outcomes) {
    answer = said
    assert.deepEqual(await sends('x'), expected)
  }
})

test('a redirect is not followed', async (t) => {
  const other = await startPushService(t)
  const { sends, pushes } = await rig(t, () => ({ status: 307, headers: { location: other.url } }))
  assert.deepEqual(await sends('x'), { outcome: 'refused', why: 'status 307' })
  assert.deepEqual([pushes.length, other.pushes.length], [1, 0])
})

test('a private address is not dialled under any name', async (t) => {
  const { sends, pushes, url } = await rig(t)
  const { port } = new URL(url)
  for (const endpoint of [url, `http://localhost:${port}/`, `http://[::ffff:127.0.0.1]:${port}/`, 'https://100.64.0.1/']) {
    const sent = await sends('x', { endpoint, allowHosts: [] })
    assert.deepEqual(sent, { outcome: 'refused', why: 'its address is not public' }, endpoint)
  }
  assert.equal(pushes.length, 0)
})

test('a broken connection can be retried, and no endpoint is shown', async (t) => {
  const { sends } = await rig(t)
  const sent = await sends('x', { endpoint: 'http://127.0.0.1:9/secret' })
  assert.equal(sent.outcome, 'busy')
  assert.doesNotMatch(JSON.stringify(sent), /secret|127/)
})

test('an aborted sending ends at once', async (t) => {
  const { sends, pushes } = await rig(t)
  assert.equal((await sends('x', { signal: AbortSignal.abort() })).outcome, 'busy')
  assert.equal(pushes.length, 0)
})
