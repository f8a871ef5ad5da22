import assert from 'node:assert/strict'
import test from 'node:test'
import { MAX_FAILURES } from '../../../security/failure-limiter.ts'
import { type AuthHost, authHost } from './host.ts'

const CLOSED = { token: 'root', tokens: [{ name: 'dash', token: 'dash-token', scopes: ['read' as const] }] }

function signIn({ host, prefix }: AuthHost, token: unknown, headers: Record<string, string> = {}) {
  return host.inject({ method: 'POST', url: `${prefix}/auth/session`, headers, payload: { token } })
}

/** Cookie that a browser would send back. */
const sentBack = (setCookie: unknown) => ({ cookie: String(setCookie).split(';', 1)[0]! })

test('a browser trades a token for a cookie that scripts cannot read, and is that token from then on', async (t) => {
  const gateway = await authHost(t, CLOSED)
  const answer = await signIn(gateway, 'dash-token')
  assert.equal(answer.statusCode, 204)
  assert.equal(answer.headers['cache-control'], 'no-store')
  const setCookie = String(answer.headers['set-cookie'])
  assert.match(setCookie, /^flynn_session=dash\.\d+\.[\w-]{43}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Strict$/)
  assert.doesNotMatch(setCookie, /dash-token/)
  const asked = await gateway.host.inject({ url: '/required', headers: sentBack(setCookie) })
  assert.deepEqual(asked.json(), { id: 'token:dash', scopes: ['read'] })
})

test('a session survives a restart of the gateway, and dies with its token', async (t) => {
  const headers = sentBack((await signIn(await authHost(t, CLOSED), 'root')).headers['set-cookie'])
  const restarted = await authHost(t, CLOSED)
  assert.equal((await restarted.host.inject({ url: '/required', headers })).json().id, 'token:default')
  const rotated = await authHost(t, { ...CLOSED, token: 'another' })
  assert.equal((await rotated.host.inject({ url: '/required', headers })).json().error.code, -4)
})

test('the cookie is the gateway own: under its prefix, and Secure wherever there is TLS', async (t) => {
  const gateway = await authHost(t, CLOSED, { prefix: '/agent', trustProxy: true })
  assert.match(String((await signIn(gateway, 'root')).headers['set-cookie']), /; Path=\/agent;/)
  const seen = async (headers: Record<string, string>) =>
    /; Secure$/.test(String((await signIn(gateway, 'root', headers)).headers['set-cookie']))
  assert.equal(await seen({ origin: 'http://localhost:80' }), false)
  assert.equal(await seen({ 'x-forwarded-proto': 'https' }), true)
  assert.equal(await seen({ origin: 'https://localhost', host: 'localhost' }), true)
})

test('signing out removes the cookie, signed in or not', async (t) => {
  const { host } = await authHost(t, CLOSED)
  const answer = await host.inject({ method: 'DELETE', url: '/auth/session' })
  assert.equal(answer.statusCode, 204)
  assert.equal(answer.headers['set-cookie'], 'flynn_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict')
})

test('wrong tokens are refused, and counted together with those in headers', async (t) => {
  const gateway = await authHost(t, CLOSED)
  for (let i = 0; i < MAX_FAILURES / 2; i++) {
    const answer = await signIn(gateway, `guess ${i}`)
    assert.equal(answer.statusCode, 401)
    assert.equal(answer.headers['www-authenticate'], 'Bearer')
    assert.equal(answer.headers['set-cookie'], undefined)
    assert.equal(answer.json().error.code, -5)
    await gateway.host.inject({ url: '/required', headers: { authorization: `Bearer guess ${i}` } })
  }
  assert.equal((await signIn(gateway, 'root')).statusCode, 204)
  const locked = await signIn(gateway, 'guess')
  assert.equal(locked.statusCode, 429)
  assert.equal(locked.headers['retry-after'], '60')
  assert.equal(gateway.audit.at(-1)?.event, 'auth.lockout')
})

test('a wrong credential beside a right token is still wrong', async (t) => {
  const gateway = await authHost(t, CLOSED)
  const answer = await signIn(gateway, 'root', { authorization: 'Bearer wrong' })
  assert.equal(answer.statusCode, 401)
  assert.equal(answer.headers['set-cookie'], undefined)
})

test('a page of another origin can neither sign in nor out', async (t) => {
  const gateway = await authHost(t, CLOSED)
  const headers = { origin: 'https://evil.example' }
  assert.equal((await signIn(gateway, 'root', headers)).statusCode, 403)
  assert.equal((await gateway.host.inject({ method: 'DELETE', url: '/auth/session', headers })).statusCode, 403)
})

test('a body that is no token is a bad request', async (t) => {
  const gateway = await authHost(t, CLOSED)
  for (const token of [undefined, null, '', {}, 'x'.repeat(5000)]) {
    assert.equal((await signIn(gateway, token)).statusCode, 400, String(token))
  }
})

test('without a token there is nothing to sign in to', async (t) => {
  const gateway = await authHost(t)
  const local = await signIn(gateway, 'anything')
  assert.equal(local.statusCode, 204)
  assert.equal(local.headers['set-cookie'], undefined)
  const proxied = await signIn(gateway, 'anything', { 'x-forwarded-for': '192.0.2.1' })
  assert.equal(proxied.statusCode, 401)
  assert.match(proxied.json().error.message, /set server\.token/)
})
