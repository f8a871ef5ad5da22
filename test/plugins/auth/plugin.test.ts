import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import test from 'node:test'
import { WebSocket } from 'ws'
import { MAX_FAILURES } from '../../../security/failure-limiter.ts'
import { type AuthHost, authHost } from './host.ts'

const CLOSED = { token: 'root', tokens: [{ name: 'dash', token: 'dash-token', scopes: ['read' as const] }] }
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

type Opened = { readonly frame: Record<string, unknown>; readonly protocol: string }
type Refused = { readonly status: number; readonly body: { error: { code: number } }; readonly headers: Record<string, unknown> }

/** A real WebSocket handshake: the first frame, or the HTTP answer that refused it. */
async function handshake(url: string, headers: Record<string, string> = {}, protocols: string[] = []): Promise<Opened | Refused> {
  const socket = new WebSocket(url, protocols, { headers })
  return await new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('unexpected-response', async (_request, response) => {
      const body = JSON.parse(Buffer.concat(await response.toArray()).toString())
      resolve({ status: response.statusCode ?? 0, body, headers: response.headers })
    })
    socket.once('message', (data) => resolve({ frame: JSON.parse(String(data)), protocol: socket.protocol }))
  })
}

/** Bytes that the server sends over a plain connection until it closes it. */
async function raw(socket: Socket, request: string): Promise<string> {
  socket.write(request)
  return Buffer.concat(await socket.toArray()).toString()
}

async function lockOut({ host }: AuthHost, remoteAddress = '127.0.0.1'): Promise<void> {
  for (let i = 0; i < MAX_FAILURES; i++) await host.inject({ url: '/required', headers: bearer(`guess ${i}`), remoteAddress })
}

test('a route that says nothing needs a credential', async (t) => {
  const { host } = await authHost(t, CLOSED)
  for (const url of ['/unsaid', '/required', '/http']) {
    const refused = await host.inject(url)
    assert.equal(refused.statusCode, 401)
    assert.equal(refused.headers['www-authenticate'], 'Bearer')
    assert.equal(refused.json().error.code, -4)
    assert.equal(refused.json().error.data.retryable, false)
    assert.deepEqual((await host.inject({ url, headers: bearer('dash-token') })).json(), { id: 'token:dash', scopes: ['read'] })
  }
})

test('a garbage token is refused, and one in the query string is not even read', async (t) => {
  const { host, audit } = await authHost(t, CLOSED)
  const garbage = await host.inject({ url: '/required', headers: bearer('garbage') })
  assert.equal(garbage.statusCode, 401)
  assert.equal(garbage.json().error.code, -5)
  for (const url of ['/required?token=root', '/required?access_token=root', '/required?authorization=Bearer%20root']) {
    assert.equal((await host.inject(url)).json().error.code, -4, url)
  }
  assert.equal(audit.length, 1)
})

test('tokens of any length are refused alike', async (t) => {
  const { host } = await authHost(t, CLOSED)
  for (const token of ['r', 'roo', 'ro0t', 'rootroot', 'root\u00e9', 'r'.repeat(4000)]) {
    const answer = await host.inject({ url: '/required', headers: bearer(token) })
    assert.deepEqual([answer.statusCode, answer.json().error.code], [401, -5], token)
  }
})

test('optional routes answer either way, routes with none ask for nothing', async (t) => {
  const { host } = await authHost(t, CLOSED)
  assert.equal((await host.inject('/optional')).json().refused, -4)
  assert.equal((await host.inject({ url: '/optional', headers: bearer('wrong') })).json().refused, -5)
  assert.equal((await host.inject({ url: '/optional', headers: bearer('root') })).json().id, 'token:default')
  assert.equal((await host.inject({ url: '/none', headers: bearer('wrong') })).json().refused, -4)
})

test('the routes of the host, beside and above the gateway, are left alone', async (t) => {
  const { host } = await authHost(t, CLOSED, { prefix: '/agent' })
  assert.equal((await host.inject('/agent/required')).statusCode, 401)
  assert.equal((await host.inject({ url: '/agent/required', headers: bearer('root') })).statusCode, 200)
  assert.equal((await host.inject('/nowhere')).statusCode, 404)
})

test('a socket learns in a frame that it is refused, since a browser cannot see a status', async (t) => {
  const address = await (await authHost(t, CLOSED)).listen()
  assert.equal(((await handshake(`ws://${address}/`)) as Opened).frame.refused, -4)
  assert.equal(((await handshake(`ws://${address}/`, bearer('wrong'))) as Opened).frame.refused, -5)
  assert.equal(((await handshake(`ws://${address}/`, bearer('root'))) as Opened).frame.id, 'token:default')
  assert.equal(((await handshake(`ws://${address}/?token=root`)) as Opened).frame.refused, -4)
})

test('a browser brings its token as a subprotocol, which is never echoed', async (t) => {
  const address = await (await authHost(t, CLOSED)).listen()
  const offer = `bearer.${Buffer.from('dash-token').toString('base64url')}`
  const opened = (await handshake(`ws://${address}/`, { origin: `http://${address}` }, ['flynn.v1', offer])) as Opened
  assert.equal(opened.frame.id, 'token:dash')
  assert.equal(opened.protocol, 'flynn.v1')
})

test('a page of another origin gets 403 instead of a socket, with a right token too', async (t) => {
  const { listen, host } = await authHost(t, CLOSED)
  const address = await listen()
  for (const headers of [{}, bearer('root'), bearer('wrong')]) {
    const refused = (await handshake(`ws://${address}/`, { origin: 'https://evil.example', ...headers })) as Refused
    assert.equal(refused.status, 403)
    assert.equal(refused.body.error.code, -5)
    const written = await host.inject({ method: 'POST', url: '/rpc', headers: { origin: 'https://evil.example', ...headers } })
    assert.equal(written.statusCode, 403)
  }
  const own = { method: 'POST' as const, url: '/rpc', headers: { origin: 'http://localhost:80', ...bearer('root') } }
  assert.equal((await host.inject(own)).json().id, 'token:default')
})

test('without a token a foreign Host gets 403, over HTTP and before a socket opens', async (t) => {
  const { host, listen } = await authHost(t)
  const address = await listen()
  assert.equal((await host.inject('/required')).json().id, 'local')
  assert.equal((await host.inject({ url: '/required', headers: { host: 'evil.example' } })).statusCode, 403)
  assert.equal(((await handshake(`ws://${address}/`)) as Opened).frame.id, 'local')
  const rebound = { host: 'evil.example', origin: 'http://evil.example' }
  assert.equal(((await handshake(`ws://${address}/`, rebound)) as Refused).status, 403)
  const proxied = await host.inject({ url: '/required', headers: { 'x-forwarded-for': '192.0.2.1' } })
  assert.equal(proxied.statusCode, 401)
  assert.match(proxied.json().error.message, /set server\.token/)
})

test('a refused upgrade leaves no socket behind', async (t) => {
  const address = await (await authHost(t, CLOSED)).listen()
  const [name, port] = address.split(':')
  const lines = [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
  ]
  for (const [target, status] of [
    ['GET / ', 403],
    ['GET /required ', 403],
    ['POST /rpc ', 403]
  ] as const) {
    const socket = connect(Number(port), name)
    await once(socket, 'connect')
    const answer = await raw(
      socket,
      `${target}HTTP/1.1\r\nHost: ${address}\r\nOrigin: https://evil.example\r\n${lines.join('\r\n')}\r\n\r\n`
    )
    assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `), target)
    assert.match(answer, /\r\nconnection: close\r\n/i)
  }
})

test('twenty bad tokens from this machine end in 429, which says when to come back, before any upgrade', async (t) => {
  const { host, audit, log, listen } = await authHost(t, CLOSED)
  const address = await listen()
  const statuses: number[] = []
  for (let i = 0; i < 20; i++) {
    const answer = await handshake(`ws://${address}/`, { origin: `http://${address}`, ...bearer(`guess ${i}`) })
    statuses.push('status' in answer ? answer.status : 101)
  }
  assert.deepEqual(statuses, [...Array(MAX_FAILURES).fill(101), ...Array(10).fill(429)])
  assert.equal((await host.inject({ url: '/required', headers: bearer('root') })).statusCode, 200)
  const locked = await host.inject({ url: '/required', headers: bearer('guess') })
  assert.equal(locked.statusCode, 429)
  const { error } = locked.json()
  assert.equal(error.code, -5)
  assert.equal(error.data.retryable, true)
  assert.equal(Number(locked.headers['retry-after']), Math.ceil(error.data.retryAfterMs / 1000))
  assert.equal((await host.inject('/required')).statusCode, 401)

  assert.deepEqual(
    audit.map(({ event }) => event),
    [...Array(MAX_FAILURES).fill('auth.failed'), 'auth.lockout']
  )
  const { actor, detail } = audit.at(-1)!
  assert.equal(actor, '127.0.0.1')
  assert.deepEqual([detail.address, detail.reason, detail.transport, detail.failures], ['127.0.0.1', 'wrong token', 'ws', 10])
  assert.equal(log.filter((line) => line.includes('address locked out')).length, 1)
})

test('log and audit hold no credential and no forged line', async (t) => {
  const { host, audit, log } = await authHost(t, { ...CLOSED, tailscaleIdentity: true }, { trustProxy: true })
  const headers = { 'x-forwarded-for': 'x\u009b31m\u2028forged', 'tailscale-user-login': 'a\u0085b', ...bearer('hunter2-guess') }
  await host.inject({ url: '/required', headers, remoteAddress: '192.0.2.7' })
  await host.inject({ method: 'POST', url: '/auth/session', payload: { token: 'hunter2-typed' } })
  await host.inject({ url: '/required', headers: { cookie: 'flynn_session=default.9999999999.hunter2-cookie' } })
  await host.inject({ url: '/required', headers: bearer('root') })
  const written = JSON.stringify(audit) + log.join('')
  assert.equal(audit.length, 3)
  assert.doesNotMatch(written, /hunter2|Bearer root/)
  assert.doesNotMatch(JSON.stringify(audit), /[\u0080-\u009f\u2028]/)
  assert.match(JSON.stringify(audit[0]), /x 31m forged/)
})

test('both families of one address share a budget, and so does all of loopback', async (t) => {
  const gateway = await authHost(t, CLOSED)
  const from = (remoteAddress: string) => gateway.host.inject({ url: '/required', headers: bearer('guess'), remoteAddress })
  for (let i = 0; i < MAX_FAILURES; i++)
    assert.equal((await from(i % 2 ? '::ffff:198.51.100.7' : '198.51.100.7')).statusCode, 401)
  assert.equal((await from('198.51.100.7')).statusCode, 429)
  assert.equal((await from('::ffff:198.51.100.7')).statusCode, 429)
  await lockOut(gateway, '::1')
  for (const address of ['127.0.0.1', '127.0.0.2', '::ffff:127.0.0.1']) assert.equal((await from(address)).statusCode, 429)
})

test('another X-Forwarded-For each time does not make another client, unless the host trusts its proxy', async (t) => {
  const rotate = async (trustProxy: boolean) => {
    const { host } = await authHost(t, CLOSED, { trustProxy })
    const statuses = []
    for (let i = 0; i <= MAX_FAILURES; i++) {
      const headers = { ...bearer('guess'), 'x-forwarded-for': `198.51.100.${i}` }
      statuses.push((await host.inject({ url: '/required', headers })).statusCode)
    }
    return statuses.at(-1)
  }
  assert.equal(await rotate(false), 429)
  assert.equal(await rotate(true), 401)
})

test('headers that claim an owner, a scope or a user change nothing', async (t) => {
  const { host } = await authHost(t, CLOSED)
  const claims = {
    'x-owner': 'true',
    'x-flynn-owner': 'true',
    'x-scope': 'admin',
    'x-flynn-scope': 'admin',
    'x-scopes': 'read,write,node,operate,admin',
    'x-user': 'token:default',
    'x-forwarded-user': 'token:default',
    'x-remote-user': 'token:default',
    'tailscale-user-login': 'me@example.com',
    'x-forwarded-for': '127.0.0.1'
  }
  assert.equal((await host.inject({ url: '/required', headers: claims })).statusCode, 401)
  const low = await host.inject({ url: '/required', headers: { ...claims, ...bearer('dash-token') } })
  assert.deepEqual(low.json(), { id: 'token:dash', scopes: ['read'] })
})

test('a Tailscale login counts from this machine only, by the connection and not by what a proxy says', async (t) => {
  const { host, log } = await authHost(t, { ...CLOSED, tailscaleIdentity: true }, { trustProxy: true })
  const served = { 'tailscale-user-login': 'Me@Example.com', 'x-forwarded-for': '100.64.1.2' }
  const ask = (headers: Record<string, string>, remoteAddress = '127.0.0.1') =>
    host.inject({ url: '/required', headers, remoteAddress })
  assert.equal((await ask(served)).json().id, 'tailscale:me@example.com')
  assert.deepEqual((await ask(served)).json().scopes, ['read', 'write', 'node', 'operate', 'admin'])
  for (const peer of ['192.0.2.1', '100.64.1.2']) assert.equal((await ask(served, peer)).statusCode, 401)
  assert.equal((await ask({ ...served, 'x-forwarded-for': '127.0.0.1' }, '192.0.2.1')).statusCode, 401)
  assert.equal((await ask({ 'tailscale-user-login': 'me@example.com' })).statusCode, 401)
  assert.equal((await ask({ ...served, 'tailscale-funnel-request': '?1' })).statusCode, 401)
  assert.equal((await ask({ ...served, ...bearer('wrong') })).json().error.code, -5)
  assert.ok(log.some((line) => line.includes('"level":20') && line.includes('Tailscale identity ignored')))
})

test('an injected upgrade, which has no address, is not taken for this machine', async (t) => {
  const { app } = await authHost(t)
  const first = Promise.withResolvers<string>()
  const onInit = (socket: WebSocket) => socket.once('message', (data) => first.resolve(String(data)))
  const socket = await app.injectWS('/', { headers: { host: 'localhost' } }, { onInit })
  assert.equal(JSON.parse(await first.promise).refused, -4)
  socket.terminate()
})
