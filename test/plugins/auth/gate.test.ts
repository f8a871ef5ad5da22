import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { type Attempt, type AuthPolicy, Gate, type GateSettings } from '../../../plugins/auth/gate.ts'
import { RpcError } from '../../../rpc/errors.ts'
import { MAX_FAILURES, WINDOW_MS } from '../../../security/failure-limiter.ts'

type Policy = Exclude<AuthPolicy, 'none'>

const TAILSCALE = { 'tailscale-user-login': 'me@example.com', 'x-forwarded-for': '100.64.1.2' }
const UPGRADE = { upgrade: 'websocket', connection: 'Upgrade' }
const CLOSED: Partial<GateSettings> = {
  token: 'root',
  tokens: [{ name: 'dash', token: 'dash-token', scopes: ['read', 'write'] }]
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const subprotocol = (token: string) => ({
  ...UPGRADE,
  'sec-websocket-protocol': `flynn.v1, bearer.${Buffer.from(token).toString('base64url')}`
})
const cookie = (value: string) => ({ cookie: `flynn_session=${value}` })

function gateAt(settings: Partial<GateSettings>) {
  const clock = { now: Date.UTC(2026, 0, 1) }
  const reports: { event: string; reason: unknown }[] = []
  const gate = new Gate(
    { authHttp: true, tailscaleIdentity: false, ...settings },
    (event, { reason }) => reports.push({ event, reason }),
    () => clock.now
  )
  /** The id of the caller, or the code (and status, where it is not 401) of the refusal. */
  const ask = (
    headers: Attempt['headers'],
    { policy = 'required' as Policy, ...rest }: Partial<Attempt> & { policy?: Policy } = {}
  ) => {
    const peer = rest.peer ?? '127.0.0.1'
    const host = headers.host ?? 'localhost:18800'
    try {
      const outcome = gate.admit({ method: 'GET', peer, address: peer, host, ...rest, headers: { host, ...headers } }, policy)
      return 'caller' in outcome ? outcome.caller.id : `told ${outcome.error.code}`
    } catch (error) {
      assert.ok(error instanceof RpcError)
      return error.statusCode === 401 ? error.code : `${error.code} ${error.statusCode}`
    }
  }
  const signIn = (token: string) =>
    gate.signIn({ method: 'POST', headers: {}, peer: '127.0.0.1', address: '127.0.0.1', host: 'localhost' }, token)
  return { gate, clock, reports, ask, signIn }
}

test('each way to bring a token leads to the caller it belongs to', () => {
  const { ask, signIn } = gateAt(CLOSED)
  assert.equal(ask(bearer('root')), 'token:default')
  assert.equal(ask(bearer('dash-token')), 'token:dash')
  assert.equal(ask(subprotocol('dash-token'), { policy: 'socket' }), 'token:dash')
  assert.equal(ask(cookie(signIn('dash-token'))), 'token:dash')
})

test('nothing given is -4, something wrong is -5', () => {
  const { ask } = gateAt(CLOSED)
  for (const policy of ['required', 'http'] as const) {
    assert.equal(ask({}, { policy }), -4)
    assert.equal(ask(bearer('wrong'), { policy }), -5)
  }
  for (const policy of ['optional', 'socket'] as const) {
    assert.equal(ask({}, { policy }), 'told -4')
    assert.equal(ask(bearer('wrong'), { policy }), 'told -5')
  }
})

test('credentials a client chose to send must all be right, whatever else would have let it in', () => {
  const { ask, signIn } = gateAt({ ...CLOSED, tailscaleIdentity: true })
  const socket = { policy: 'socket' as const }
  assert.equal(ask({ ...TAILSCALE, ...bearer('wrong') }), -5)
  assert.equal(ask({ ...TAILSCALE, authorization: 'Basic cm9vdA==' }), -5)
  assert.equal(ask({ ...cookie(signIn('root')), ...bearer('wrong') }), -5)
  assert.equal(ask({ ...subprotocol('root'), ...bearer('wrong') }, socket), 'told -5')
  assert.equal(ask({ ...subprotocol('wrong'), ...bearer('root') }, socket), 'told -5')
  assert.equal(ask({ ...subprotocol('root'), ...bearer('root') }, socket), 'token:default')
})

test('what a client sends counts before the cookie, the cookie before the Tailscale identity, and a dead cookie not at all', () => {
  const { ask, signIn, clock } = gateAt({ ...CLOSED, tailscaleIdentity: true })
  const session = cookie(signIn('dash-token'))
  assert.equal(ask({ ...TAILSCALE, ...session, ...bearer('root') }), 'token:default')
  assert.equal(ask({ ...TAILSCALE, ...session }), 'token:dash')
  assert.equal(ask({ ...TAILSCALE }), 'tailscale:me@example.com')
  clock.now += 31 * 24 * 3600 * 1000
  assert.equal(ask({ ...TAILSCALE, ...session }), 'tailscale:me@example.com')
  assert.equal(ask({ ...session, ...bearer('root') }), 'token:default')
  assert.equal(ask(session), -4)
})

test('of several session cookies the one that is valid counts', () => {
  const { ask, signIn } = gateAt(CLOSED)
  const elsewhere = gateAt({ token: 'of another gateway' }).signIn('of another gateway')
  assert.equal(ask({ cookie: `flynn_session=${elsewhere}; flynn_session=${signIn('root')}` }), 'token:default')
})

test('without a token everything is open to this machine alone', () => {
  const { gate, ask } = gateAt({})
  assert.equal(gate.open, true)
  for (const peer of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) assert.equal(ask({}, { peer }), 'local')
  assert.equal(ask(bearer('whatever')), 'local')
  assert.equal(ask(UPGRADE, { policy: 'socket' }), 'local')
  assert.equal(ask({}, { peer: '192.0.2.1', host: '192.0.2.1' }), -4)
  assert.equal(ask(bearer('whatever'), { peer: '192.0.2.1' }), -4)
  for (const name of ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip', 'via']) {
    assert.equal(ask({ [name]: '127.0.0.1' }), -4, name)
  }
  assert.equal(gateAt(CLOSED).gate.open, false)
})

test('without a token handshakes from elsewhere are counted, and do not lock out this machine', () => {
  const { ask } = gateAt({})
  const proxied = { ...UPGRADE, 'x-forwarded-for': '192.0.2.1' }
  for (let i = 0; i < MAX_FAILURES; i++) assert.equal(ask(proxied, { policy: 'socket' }), 'told -4')
  assert.equal(ask(proxied, { policy: 'socket' }), '-5 429')
  assert.equal(ask(UPGRADE, { policy: 'socket' }), 'local')
})

test('without a token a foreign Host is refused, on reads as well, before any socket opens', () => {
  const { ask, reports } = gateAt({ allowedOrigins: ['https://flynn.example.com'] })
  for (const policy of ['required', 'http', 'optional', 'socket'] as const) {
    assert.equal(ask({ host: 'evil.example' }, { policy }), '-5 403')
    assert.equal(ask({ host: 'flynn.example.com' }, { policy }), 'local')
  }
  assert.equal(ask({ ...UPGRADE, host: 'evil.example:18800' }, { policy: 'socket' }), '-5 403')
  assert.deepEqual(reports[0], { event: 'refused', reason: 'host' })
  assert.equal(gateAt(CLOSED).ask({ host: 'evil.example', ...bearer('root') }), 'token:default')
})

test('without a token a Tailscale identity is let in under its own name', () => {
  const { ask } = gateAt({ tailscaleIdentity: true })
  const served = { ...TAILSCALE, host: 'machine.tailnet.ts.net' }
  assert.equal(ask(served), 'tailscale:me@example.com')
  assert.equal(ask({ ...served, ...bearer('guess') }), -5)
  assert.equal(ask({ ...served, 'tailscale-user-login': '' }), -4)
})

test('a Tailscale identity that does not count is reported, and the refusal says why', () => {
  const { gate, ask, reports } = gateAt({ ...CLOSED, tailscaleIdentity: true, tailscaleAllowedLogins: ['boss@example.com'] })
  assert.equal(ask(TAILSCALE), -4)
  assert.equal(ask({ ...TAILSCALE, ...bearer('root') }), 'token:default')
  assert.deepEqual(
    reports.map(({ event }) => event),
    ['ignored', 'ignored']
  )
  const outcome = gate.admit(
    { method: 'GET', headers: TAILSCALE, peer: '192.0.2.1', address: '192.0.2.1', host: 'x' },
    'optional'
  )
  assert.match(
    'error' in outcome ? outcome.error.message : '',
    /Tailscale identity does not count: it did not come from this machine/
  )
})

test('auth_http: false opens reads to those who bring nothing, with the read scope alone', () => {
  const { gate, ask } = gateAt({ ...CLOSED, authHttp: false })
  assert.equal(ask({}, { policy: 'http' }), 'anonymous')
  assert.equal(ask({}, { policy: 'http', method: 'HEAD' }), 'anonymous')
  assert.equal(ask({}, { policy: 'http', method: 'POST' }), -4)
  assert.equal(ask(UPGRADE, { policy: 'http' }), -4)
  assert.equal(ask({}, { policy: 'required' }), -4)
  assert.equal(ask(UPGRADE, { policy: 'socket' }), 'told -4')
  assert.equal(ask(bearer('wrong'), { policy: 'http' }), -5)
  const outcome = gate.admit({ method: 'GET', headers: {}, peer: '192.0.2.1', address: '192.0.2.1', host: '' }, 'http')
  assert.deepEqual('caller' in outcome && [...outcome.caller.scopes], ['read'])
})

test('a page of another origin may neither open a socket nor change anything, authenticated or not', () => {
  const origin = 'https://evil.example'
  for (const settings of [CLOSED, {}]) {
    const { ask, reports } = gateAt(settings)
    for (const headers of [{ origin }, { origin, ...bearer('root') }, { origin: 'null', ...bearer('root') }]) {
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) assert.equal(ask(headers, { method }), '-5 403')
      assert.equal(ask({ ...UPGRADE, ...headers }, { policy: 'socket' }), '-5 403')
    }
    assert.equal(ask({ origin, ...bearer('root') }, { method: 'GET' }), settings === CLOSED ? 'token:default' : 'local')
    assert.equal(
      ask({ origin: 'http://localhost:18800', ...bearer('root') }, { method: 'POST' })
        .toString()
        .includes('-'),
      false
    )
    assert.ok(reports.every(({ event }) => event === 'refused'))
  }
})

test('refused pages of other origins lock out no address', () => {
  const { ask } = gateAt(CLOSED)
  const evil = { ...subprotocol('guess'), origin: 'https://evil.example' }
  for (let i = 0; i < 3 * MAX_FAILURES; i++) assert.equal(ask(evil, { policy: 'socket' }), '-5 403')
  assert.equal(ask(bearer('root')), 'token:default')
})

test('every refused handshake and every wrong credential counts; asking without one over HTTP does not', () => {
  const counting: [string, (ask: ReturnType<typeof gateAt>['ask']) => unknown][] = [
    ['wrong token', (ask) => ask(bearer('wrong'))],
    ['malformed credential', (ask) => ask({ authorization: '' })],
    ['wrong token', (ask) => ask(bearer('wrong'), { policy: 'optional' })],
    ['wrong token', (ask) => ask(subprotocol('wrong'), { policy: 'socket' })],
    ['no credential', (ask) => ask(UPGRADE, { policy: 'socket' })],
    ['no credential', (ask) => ask(UPGRADE)],
    ['session cookie of another token', (ask) => ask({ ...UPGRADE, ...cookie('default.9999999999.s') }, { policy: 'socket' })],
    ['session ended', (ask) => ask({ ...UPGRADE, ...cookie('gone.1.s') }, { policy: 'socket' })]
  ]
  for (const [reason, once] of counting) {
    const { ask, reports } = gateAt(CLOSED)
    for (let i = 0; i < MAX_FAILURES; i++) once(ask)
    assert.equal(ask(bearer('another guess')), '-5 429', reason)
    assert.deepEqual(reports.at(-2), { event: 'failed', reason })
    assert.deepEqual(reports.at(-1), { event: 'lockout', reason })
    assert.equal(reports.length, MAX_FAILURES + 1)
  }
  const { ask, reports } = gateAt(CLOSED)
  for (let i = 0; i < 5 * MAX_FAILURES; i++) assert.equal(ask({}), -4)
  assert.equal(ask(bearer('root')), 'token:default')
  assert.deepEqual(reports, [])
})

test('a locked address is refused for a minute unless its credential verifies', () => {
  const { ask, signIn, clock } = gateAt(CLOSED)
  const session = cookie(signIn('root'))
  for (let i = 0; i < MAX_FAILURES; i++) ask(bearer('wrong'))
  for (const policy of ['required', 'http', 'optional', 'socket'] as const) {
    assert.equal(ask(bearer('wrong'), { policy }), '-5 429')
    // Others may have failed behind the same address.
    for (const headers of [bearer('root'), session]) assert.equal(ask(headers, { policy }), 'token:default')
  }
  assert.equal(ask(UPGRADE, { policy: 'socket' }), '-5 429')
  assert.throws(
    () => signIn('wrong'),
    (error: RpcError) => error.statusCode === 429 && error.data.retryable && error.data.retryAfterMs === WINDOW_MS
  )
  assert.ok(signIn('root'))
  assert.equal(ask({}), -4)
  assert.equal(ask({}, { policy: 'socket' }), 'told -4')
  assert.equal(ask(bearer('root'), { peer: '192.0.2.1' }), 'token:default')
  clock.now += WINDOW_MS
  assert.equal(ask(bearer('root')), 'token:default')
})

test('a browser with a dead cookie is never locked out by it, however often it asks', () => {
  const { ask, signIn, clock } = gateAt(CLOSED)
  const rotated = gateAt({ token: 'before the change' }).signIn('before the change')
  for (let i = 0; i < 5 * MAX_FAILURES; i++) {
    assert.equal(ask(cookie(rotated)), -4)
    assert.equal(ask(cookie('gone.9999999999.signature')), -4)
  }
  const expired = signIn('root')
  clock.now += 31 * 24 * 3600 * 1000
  for (let i = 0; i < 5 * MAX_FAILURES; i++) assert.equal(ask(cookie(expired)), -4)
  assert.equal(ask(bearer('root')), 'token:default')
})

test('cookies made from guessed tokens count as guesses, even beside a valid session', () => {
  const { ask, signIn } = gateAt(CLOSED)
  const session = signIn('dash-token')
  for (let i = 0; i < MAX_FAILURES; i++) {
    const guess = gateAt({ token: `guess ${i}` }).signIn(`guess ${i}`)
    assert.equal(ask({ cookie: `flynn_session=${guess}; flynn_session=${session}` }), 'token:dash')
  }
  assert.equal(ask({}), -4)
  const guess = gateAt({ token: 'guess' }).signIn('guess')
  assert.equal(ask({ cookie: `flynn_session=${guess}; flynn_session=${session}` }), '-5 429')
  assert.equal(ask(cookie(session)), 'token:dash')
})

test('several guesses in one handshake are several failures', () => {
  const { ask } = gateAt(CLOSED)
  const guesses = (i: number) => {
    const values = [0, 1, 2, 3].map((n) => gateAt({ token: `${i} ${n}` }).signIn(`${i} ${n}`))
    return { ...UPGRADE, cookie: values.map((value) => `flynn_session=${value}`).join('; ') }
  }
  for (let i = 0; i < 2; i++) assert.equal(ask(guesses(i), { policy: 'socket' }), 'told -4')
  assert.equal(ask(guesses(2), { policy: 'socket' }), '-5 429')
})

test('behind tailscale serve failures are counted by login', () => {
  const { ask } = gateAt({ ...CLOSED, tailscaleIdentity: true })
  const other = { ...TAILSCALE, 'tailscale-user-login': 'you@example.com' }
  for (let i = 0; i < MAX_FAILURES; i++) assert.equal(ask({ ...TAILSCALE, ...bearer('wrong') }), -5)
  assert.equal(ask({ ...TAILSCALE, ...bearer('wrong') }), '-5 429')
  assert.equal(ask({ ...other, ...bearer('wrong') }), -5)
  assert.equal(ask(bearer('wrong')), -5)
})

test('no header but a right credential ever lets anybody in', () => {
  const { ask } = gateAt({ ...CLOSED, tailscaleIdentity: true })
  const name = fc.constantFrom(
    'x-owner',
    'x-flynn-owner',
    'x-scope',
    'x-flynn-scopes',
    'x-admin',
    'x-token',
    'x-api-key',
    'token',
    'cookie',
    'origin',
    'host',
    'tailscale-user-login',
    'x-forwarded-for',
    'sec-websocket-protocol',
    'authorization'
  )
  const value = fc.oneof(
    fc.string(),
    fc.constantFrom('true', 'admin', 'root', 'token:default', '127.0.0.1', 'bearer.x', 'Bearer x')
  )
  let peer = 0
  fc.assert(
    fc.property(fc.dictionary(name, value), fc.constantFrom('required', 'http', 'optional', 'socket'), (headers, policy) => {
      // Another address each time, so that it is not the lockout that refuses.
      peer += 1
      const answer = ask(headers, { policy, peer: `192.${peer >> 16}.${(peer >> 8) & 255}.${peer & 255}` })
      assert.match(String(answer), /^(told )?-[45]$/)
    }),
    { numRuns: 1000 }
  )
})
