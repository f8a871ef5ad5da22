import assert from 'node:assert/strict'
import test from 'node:test'
import { build } from '../helper.ts'

const TOKEN = 'a-token-that-is-long-enough'

test('POST /rpc is one JSON-RPC 2.0 endpoint with batches and notifications', async (t) => {
  const { url } = await build(t, { prefix: '/agent/', config: { server: { token: TOKEN } } })
  const ask = async (body: unknown, token = TOKEN) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const response = await fetch(`${url.replace(/\/$/, '')}/rpc`, { method: 'POST', headers, body: text })
    const answer = await response.text()
    return { status: response.status, body: answer === '' ? undefined : JSON.parse(answer) }
  }
  const call = (id: unknown, params?: unknown, method = 'system.info') => ({ jsonrpc: '2.0', id, method, params })
  const one = await ask(call('a', []))
  assert.deepEqual([one.status, one.body.id, typeof one.body.result.version], [200, 'a', 'string'])
  const { id: _, ...notification } = call(0)
  const batch = await ask([call(1), call(2, {}, 'no.such'), notification, { id: 3, method: 'system.info' }, 7])
  assert.deepEqual(
    batch.body.map(({ id, error }: { id: unknown; error?: { code: number } }) => [id, error?.code]),
    [
      [1, undefined],
      [2, -32601],
      [null, -32600],
      [null, -32600]
    ]
  )
  assert.equal((await ask(notification)).status, 204)
  assert.deepEqual((await ask('{')).body.error.code, -32700)
  assert.deepEqual((await ask([])).body.error.code, -32600)
  const refused = await ask(call(1), 'wrong')
  assert.deepEqual([refused.status, refused.body.jsonrpc, refused.body.error.data.code], [401, '2.0', -5])
})

test('listed origins may use HTTP from their pages, others may not', async (t) => {
  const origin = 'https://app.example.com'
  const { url } = await build(t, { config: { server: { token: TOKEN, allowed_origins: [origin] } } })
  const preflight = (from: string) =>
    fetch(`${url}/rpc/system.info`, { method: 'OPTIONS', headers: { origin: from, 'access-control-request-method': 'POST' } })
  const allowed = await preflight(origin)
  assert.equal(allowed.status, 204)
  assert.equal(allowed.headers.get('access-control-allow-origin'), origin)
  assert.match(allowed.headers.get('access-control-allow-headers') ?? '', /authorization/)
  const foreign = await preflight('https://evil.example')
  assert.equal(foreign.status, 404)
  assert.equal(foreign.headers.get('access-control-allow-origin'), null)
  // Errors can be read too.
  const refused = await fetch(`${url}/rpc/system.info`, { method: 'POST', headers: { origin } })
  assert.deepEqual([refused.status, refused.headers.get('access-control-allow-origin')], [401, origin])
})
