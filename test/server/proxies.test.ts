import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import test from 'node:test'
import { WebSocket } from 'ws'
import { scratch } from '../helper.ts'
import { type Running, stop, up } from '../program.ts'

const TOKEN = 'a-token-that-is-long-enough'

async function ask({ url }: Running, path: string, headers: Record<string, string>, method = 'GET', body?: string) {
  const call = request(`${url}${path}`, { method, headers, agent: false })
  call.end(body)
  const [response] = await once(call, 'response')
  return { status: response.statusCode as number, headers: response.headers, body: await text(response) }
}

test('behind a trusted proxy failures are those of the real client', async (t) => {
  const running = await up(t, await scratch(t), ['--port', '0'], {
    FLYNN_TOKEN: TOKEN,
    FLYNN_SERVER__TRUSTED_PROXIES: 'loopback'
  })
  const wrong = { authorization: 'Bearer wrong' }
  const right = { authorization: `Bearer ${TOKEN}` }
  for (let n = 0; n < 10; n++)
    assert.equal((await ask(running, '/api/health', { ...wrong, 'x-forwarded-for': '203.0.113.1' })).status, 401)
  assert.equal((await ask(running, '/api/health', { ...wrong, 'x-forwarded-for': '203.0.113.1' })).status, 429)
  assert.equal((await ask(running, '/api/health', { ...wrong, 'x-forwarded-for': '203.0.113.2' })).status, 401)
  assert.equal((await ask(running, '/api/health', { ...wrong, forwarded: 'for="203.0.113.1:99"' })).status, 429)
  // What a client writes in front of the proxy's entry does not count.
  assert.equal((await ask(running, '/api/health', { ...wrong, 'x-forwarded-for': '198.51.100.7, 203.0.113.1' })).status, 429)
  // A request that verifies is never refused because others failed.
  assert.equal((await ask(running, '/api/health', { ...right, 'x-forwarded-for': '203.0.113.1' })).status, 200)
  assert.match(await running.line('address locked out'), /203\.0\.113\.1/)

  // TLS ends at the proxy: Origin, cookie and socket.
  const secure = {
    host: '127.0.0.1:18800',
    'x-forwarded-for': '203.0.113.5',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'flynn.example.com',
    origin: 'https://flynn.example.com'
  }
  const signedIn = await ask(
    running,
    '/auth/session',
    { ...secure, 'content-type': 'application/json' },
    'POST',
    JSON.stringify({ token: TOKEN })
  )
  assert.equal(signedIn.status, 204)
  assert.match(String(signedIn.headers['set-cookie']), /; Path=\/;.*; Secure$/)
  assert.equal((await ask(running, '/auth/session', { ...secure, origin: 'https://evil.example' }, 'POST', '{}')).status, 403)
  const socket = new WebSocket(running.url.replace('http', 'ws'), { headers: { ...secure, ...right } })
  t.after(() => socket.terminate())
  await once(socket, 'open')
  socket.close()
  assert.equal(await stop(running), 0)
})

test('an untrusted proxy on this machine is reported once, and its headers do not count', async (t) => {
  const running = await up(t, await scratch(t), ['--port', '0'], { FLYNN_TOKEN: TOKEN })
  for (let n = 0; n < 10; n++)
    await ask(running, '/api/health', { authorization: 'Bearer wrong', 'x-forwarded-for': `203.0.113.${n}` })
  const refused = await ask(running, '/api/health', { authorization: 'Bearer wrong', 'x-forwarded-for': '203.0.113.99' })
  assert.equal(refused.status, 429)
  assert.match(await running.line('not trusted'), /Set server\.trusted_proxies to loopback/)
  assert.equal(running.log.filter((line) => line.includes('not trusted')).length, 1)
  assert.equal(await stop(running), 0)
})
