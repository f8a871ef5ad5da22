import assert from 'node:assert/strict'
import { connect as dial } from 'node:net'
import test, { type TestContext } from 'node:test'
import { type InboundRoute, inbound, Refusal } from '../../../plugins/channels/inbound.ts'
import { gatewayPlugin } from '../../../plugins/define.ts'
import { RpcError } from '../../../rpc/errors.ts'
import { build } from '../../helper.ts'

const TOKEN = 'token-of-the-gateway'

/** A gateway with a token, and a route that accepts `x-key: right`. */
async function withRoute(t: TestContext, changes: Partial<InboundRoute> = {}) {
  const route: InboundRoute = {
    url: '/test/events',
    missing: () => [],
    async handle({ headers, body, query }) {
      if (headers['x-key'] !== 'right') throw new Refusal(401, 'the key is wrong')
      return { status: 200, body: { heard: body.toString('latin1'), tag: query.get('tag') } }
    },
    ...changes
  }
  const plugin = gatewayPlugin({ name: 'test-inbound', dependencies: ['channels'], share: false }, (app) => inbound(app, route))
  const gateway = await build(t, { config: { server: { token: TOKEN } }, plugins: [plugin], prefix: '/agent' })
  const post = (init: RequestInit = {}, query = '') =>
    fetch(`${gateway.url}/test/events${query}`, { method: 'POST', ...init, headers: { 'x-key': 'right', ...init.headers } })
  return { ...gateway, post }
}

test('a route needs no gateway token and gets the raw bytes', async (t) => {
  const { post } = await withRoute(t)
  const body = Buffer.from([0, 255, 123])
  for (const type of ['application/json', 'application/x-www-form-urlencoded', 'text/plain', 'x/y']) {
    const answer = await post({ body, headers: { 'content-type': type } }, '?tag=a%20b')
    assert.deepEqual([answer.status, await answer.json()], [200, { heard: body.toString('latin1'), tag: 'a b' }])
  }
  for (const headers of [{}, { 'content-type': 'application/json' }] as Record<string, string>[]) {
    assert.equal(((await (await post({ headers })).json()) as { heard: string }).heard, '')
  }
})

test('a refusal gives no reason, and other routes stay closed', async (t) => {
  const { post, url } = await withRoute(t)
  const answer = await post({ headers: { 'x-key': 'wrong' } })
  assert.deepEqual([answer.status, await answer.json()], [401, { error: { message: 'Not accepted' } }])
  assert.equal(
    (await fetch(`${url}/rpc/system.info`, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }))
      .status,
    401
  )
  assert.equal((await fetch(`${url}/test/events`)).status, 404)
})

test('ten refusals lock an address, but for requests that verify', async (t) => {
  const { post } = await withRoute(t)
  for (let tries = 0; tries < 10; tries++) assert.equal((await post({ headers: { 'x-key': 'wrong' } })).status, 401)
  const answer = await post({ headers: { 'x-key': 'wrong' } })
  assert.equal(answer.status, 429)
  assert.ok(Number(answer.headers.get('retry-after')) > 0)
  assert.equal((await post()).status, 200)
})

test('without its configuration a route answers 503 and names the keys', async (t) => {
  const { post } = await withRoute(t, { missing: () => ['test.secret'] })
  const answer = await post({ body: '{}' })
  assert.deepEqual([answer.status, await answer.json()], [503, { error: { message: 'Not configured: set test.secret' } }])
})

test('a large or encoded body is not read', async (t) => {
  const { post } = await withRoute(t, { maxBytes: 100 })
  assert.equal((await post({ body: 'x'.repeat(101) })).status, 413)
  assert.equal((await post({ body: 'x', headers: { 'content-encoding': 'gzip' } })).status, 415)
  assert.equal((await post({ body: 'x'.repeat(100) })).status, 200)
})

test('headers are checked before the body comes', async (t) => {
  const { url } = await withRoute(t, {
    precheck({ headers }) {
      if (headers['x-signature'] === undefined) throw new Refusal(401, 'no signature')
    }
  })
  const { port, pathname } = new URL(url)
  const socket = dial(Number(port), '127.0.0.1')
  t.after(() => socket.destroy())
  socket.write(`POST ${pathname}/test/events HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n`)
  const [first] = await new Promise<Buffer[]>((resolve) => socket.once('data', (data) => resolve([data])))
  assert.match(String(first), /^HTTP\/1\.1 401 /)
})

test('errors of the sender are 4xx, others worth another try', async (t) => {
  const cases: [unknown, number][] = [
    [new RpcError('InvalidRequest', 'params.message is too long'), 400],
    [new RpcError('InternalError', 'The message could not be stored'), 503],
    [new Error('unforeseen'), 503],
    [new SyntaxError('unforeseen'), 400],
    [new Refusal(403, 'of another tenant'), 403]
  ]
  for (const [error, status] of cases) {
    const { post } = await withRoute(t, {
      handle: async () => {
        throw error
      }
    })
    const answer = await post()
    assert.equal(answer.status, status)
    assert.ok(!(await answer.text()).includes('unforeseen'))
  }
})
