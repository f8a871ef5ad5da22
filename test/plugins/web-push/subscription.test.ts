import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import test from 'node:test'
import fc from 'fast-check'
import { checkedSubscription, problemOf } from '../../../plugins/web-push/subscription.ts'
import type { RpcError } from '../../../rpc/errors.ts'
import { browser } from './fixtures.ts'

const CLOSED = { hosts: [], allowInsecureHosts: [] }
const FCM = 'https://fcm.googleapis.com/fcm/send/abc'

function refusal(given: object): RpcError {
  try {
    checkedSubscription(given, CLOSED)
  } catch (error) {
    return error as RpcError
  }
  assert.fail(`taken: ${JSON.stringify(given)}`)
}

test('endpoints of the known push services are taken, and of those that the configuration adds', () => {
  for (const endpoint of [
    FCM,
    'https://fcm.googleapis.com:443/fcm/send/abc',
    'https://updates.push.services.mozilla.com/wpush/v2/x',
    'https://web.push.apple.com/x?y=z',
    'https://wns2-par02p.notify.windows.com/w/?token=x',
    'HTTPS://FCM.GoogleApis.com/x'
  ]) {
    assert.equal(problemOf(endpoint, CLOSED), undefined, endpoint)
  }
  const hosts = { ...CLOSED, hosts: ['push.example.com', '*.example.org'] }
  assert.equal(problemOf('https://push.example.com/x', hosts), undefined)
  assert.equal(problemOf('https://a.b.example.org/x', hosts), undefined)
  for (const host of ['example.org', 'a.push.example.com', 'badexample.org', 'a.example.org.evil.tld']) {
    assert.match(problemOf(`https://${host}/x`, hosts) ?? '', /known push service/, host)
  }
})

test('an endpoint that leads anywhere else is refused', () => {
  const wrong: [string, RegExp][] = [
    ['http://169.254.169.254/', /https/],
    ['https://169.254.169.254/', /known push service/],
    ['https://127.0.0.1/', /known push service/],
    ['https://[::1]/', /known push service/],
    ['https://localhost/', /known push service/],
    ['https://0x7f000001/', /known push service/],
    ['https://evil.fcm.googleapis.com.evil.tld/', /known push service/],
    ['https://evilfcm.googleapis.com/', /known push service/],
    ['https://evil.fcm.googleapis.com/', /known push service/],
    ['https://push.apple.com/', /known push service/],
    ['https://fcm.googleapis.com./', /known push service/],
    ['http://fcm.googleapis.com/', /https/],
    ['ftp://fcm.googleapis.com/', /https/],
    ['https://fcm.googleapis.com:8443/', /port 443/],
    ['https://fcm.googleapis.com@evil.tld/', /credentials/],
    ['https://user:pass@fcm.googleapis.com/', /credentials/],
    [`${FCM}#x`, /fragment/],
    [`${FCM}#`, /fragment/],
    ['fcm.googleapis.com', /a URL/],
    ['', /a URL/],
    [`${FCM}${'a'.repeat(2048)}`, /2048/]
  ]
  for (const [endpoint, reason] of wrong) assert.match(problemOf(endpoint, CLOSED) ?? 'taken', reason, endpoint)
  for (const endpoint of [undefined, null, 1, {}, [FCM]]) assert.match(problemOf(endpoint, CLOSED) ?? 'taken', /2048/)
})

test('of any made-up hosts only those below a known one are accepted', () => {
  const label = fc.stringMatching(/^[a-z0-9]{1,8}$/)
  fc.assert(
    fc.property(fc.array(label, { minLength: 1, maxLength: 4 }), (labels) => {
      const host = `${labels.join('.')}.tld`
      assert.notEqual(problemOf(`https://${host}/x`, CLOSED), undefined)
      assert.equal(problemOf(`https://${labels.join('.')}.push.apple.com/x`, CLOSED), undefined)
    })
  )
})

test('an insecure host is allowed with any port and without TLS, and no other host is', () => {
  const here = { hosts: [], allowInsecureHosts: ['127.0.0.1'] }
  assert.equal(problemOf('http://127.0.0.1:8080/x', here), undefined)
  assert.notEqual(problemOf('http://127.0.0.2:8080/x', here), undefined)
  assert.notEqual(problemOf('ftp://127.0.0.1/x', here), undefined)
  assert.notEqual(problemOf('http://fcm.googleapis.com/x', here), undefined)
})

test('a subscription is taken as a browser says it, alone or with a name', () => {
  const { subscription } = browser(FCM)
  const { endpoint, keys } = subscription
  assert.deepEqual(checkedSubscription(subscription, CLOSED), { endpoint, ...keys, label: null })
  assert.deepEqual(checkedSubscription({ subscription, label: 'Laptop' }, CLOSED), { endpoint, ...keys, label: 'Laptop' })
})

test('wrong keys are refused when they are registered, and nothing of a subscription is quoted', () => {
  const { subscription } = browser(FCM)
  const { keys } = subscription
  const point = Buffer.from(keys.p256dh, 'base64url')
  const changed = (offset: number, value: number): string => {
    const copy = Buffer.from(point)
    copy[offset] = value
    return copy.toString('base64url')
  }
  const offCurve = Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 7)]).toString('base64url')
  const wrong = [undefined, 1, '', 'x', `${keys.p256dh}=`, changed(0, 2), offCurve, point.subarray(1).toString('base64url')]
  for (const p256dh of wrong) {
    const { code, data, message } = refusal({ ...subscription, keys: { ...keys, p256dh } })
    assert.deepEqual([code, data.issues?.map(({ path }) => path)], [-2, ['body.keys.p256dh']])
    assert.doesNotMatch(message, /fcm|[A-Za-z0-9_-]{20}/)
  }
  for (const auth of [
    undefined,
    'x',
    randomBytes(15).toString('base64url'),
    randomBytes(17).toString('base64url'),
    `${keys.auth}==`
  ]) {
    const { data } = refusal({ subscription: { ...subscription, keys: { ...keys, auth } } })
    assert.deepEqual(
      data.issues?.map(({ path }) => path),
      ['body.subscription.keys.auth']
    )
  }
  const nothing = refusal({})
  assert.deepEqual(
    nothing.data.issues?.map(({ path }) => path),
    ['body.endpoint', 'body.keys.p256dh', 'body.keys.auth']
  )
  assert.equal(refusal({ subscription: null }).code, -2)
  assert.equal(refusal({ subscription: 'x', label: 1 }).data.issues?.length, 4)
  assert.equal(refusal({ ...subscription, label: 'x'.repeat(101) }).data.issues?.[0]?.path, 'body.label')
})
