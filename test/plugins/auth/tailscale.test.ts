import assert from 'node:assert/strict'
import type { IncomingHttpHeaders } from 'node:http'
import test from 'node:test'
import { Origins } from '../../../plugins/auth/origin.ts'
import { Tailscale } from '../../../plugins/auth/tailscale.ts'

const served: IncomingHttpHeaders = {
  host: 'machine.tailnet.ts.net',
  'tailscale-user-login': 'Me@Example.com',
  'x-forwarded-for': '100.64.1.2'
}

function identify(headers: IncomingHttpHeaders, options: { peer?: string | undefined; allowed?: string[] } = {}) {
  const { peer, allowed } = { peer: '127.0.0.1', ...options }
  const settings = { tailscaleIdentity: true, tailscaleAllowedLogins: allowed }
  return new Tailscale(settings, new Origins(['https://flynn.example.com'])).identify(headers, peer)
}

test('a login that tailscale serve vouches for is an identity, in lower case', () => {
  assert.deepEqual(identify(served), { login: 'me@example.com' })
  for (const peer of ['127.0.0.1', '127.3.2.1', '::1', '::ffff:127.0.0.1']) {
    assert.deepEqual(identify(served, { peer }), { login: 'me@example.com' })
  }
  for (const host of ['machine', 'machine:8080', 'localhost:18800', '127.0.0.1:18800', 'flynn.example.com']) {
    assert.deepEqual(identify({ ...served, host }), { login: 'me@example.com' }, host)
  }
})

test('every sign that the header came another way voids it', () => {
  const ignored: [string, ReturnType<typeof identify>][] = [
    ['from another machine', identify(served, { peer: '192.0.2.1' })],
    ['from a tailnet address, past serve', identify(served, { peer: '100.64.1.2' })],
    ['from a Unix socket', identify(served, { peer: undefined })],
    ['without a proxy', identify({ ...served, 'x-forwarded-for': undefined })],
    ['by way of another proxy', identify({ ...served, 'x-forwarded-for': '203.0.113.9' })],
    ['by way of two proxies', identify({ ...served, 'x-forwarded-for': '100.64.1.2, 127.0.0.1' })],
    ['with an address that is none', identify({ ...served, 'x-forwarded-for': '100.64' })],
    ['from the internet through Funnel', identify({ ...served, 'tailscale-funnel-request': '?1' })],
    ['from a page that rebound its name', identify({ ...served, host: 'evil.example' })],
    ['from a page whose name ends alike', identify({ ...served, host: 'evilts.net' })],
    ['without a Host', identify({ ...served, host: undefined })],
    ['sent twice', identify({ ...served, 'tailscale-user-login': 'me@example.com, boss@example.com' })],
    ['empty', identify({ ...served, 'tailscale-user-login': '' })],
    ['endless', identify({ ...served, 'tailscale-user-login': 'a'.repeat(257) })]
  ]
  for (const [what, identity] of ignored) assert.ok(identity && 'ignored' in identity, what)
})

test('with allowed logins only those count, compared without case and as they were sent', () => {
  assert.deepEqual(identify(served, { allowed: ['ME@example.com'] }), { login: 'me@example.com' })
  for (const allowed of [['other@example.com'], ['me@example.com.evil'], []]) {
    assert.ok('ignored' in identify(served, { allowed })!)
  }
  const encoded = { ...served, 'tailscale-user-login': '=?utf-8?q?Al=C3=AFce?=' }
  assert.ok('ignored' in identify(encoded, { allowed: ['Alïce'] })!)
  assert.ok('login' in identify(encoded, { allowed: ['=?utf-8?q?Al=C3=AFce?='] })!)
})

test('a tagged node has no login, and the header is ignored by default', () => {
  assert.equal(identify({ host: served.host, 'x-forwarded-for': '100.64.1.2' }), undefined)
  assert.equal(new Tailscale({ tailscaleIdentity: false }, new Origins()).identify(served, '127.0.0.1'), undefined)
})
