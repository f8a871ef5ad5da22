import assert from 'node:assert/strict'
import test from 'node:test'
import Fastify from 'fastify'
import gateway from '../../app.ts'
import { build, scratch } from '../helper.ts'

interface Answer {
  readonly status: number
  readonly json: { readonly error: { readonly code: number; readonly message: string; readonly data: object } }
}

async function ask(url: string, method = 'GET', headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(url, { method, headers })
  return { status: response.status, json: (await response.json()) as Answer['json'] }
}

test('what is no route of the gateway is 404 in the envelope of the protocol, whatever the method', async (t) => {
  const { url } = await build(t, { prefix: '/agent' })
  const { origin } = new URL(url)
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
    for (const path of ['/agent/nothing', '/agent/api/nothing', '/agent/%41/b']) {
      assert.deepEqual(await ask(`${origin}${path}?token=canary`, method), {
        status: 404,
        json: { error: { code: -3, message: `Nothing here: ${method} ${path}`, data: { retryable: false } } }
      })
    }
  }
  assert.equal((await ask(`${url}/health`, 'DELETE')).json.error.message, 'Nothing here: DELETE /agent/health')
  assert.equal((await ask(url, 'DELETE')).json.error.message, 'Nothing here: DELETE /agent')
})

test('a path that was not found is told cut and without control characters', async (t) => {
  // Node refuses them in a request; a host may bring them in.
  const host = Fastify({ rewriteUrl: ({ url }) => decodeURIComponent(url ?? '') })
  t.after(() => host.close())
  await host.register(gateway, { prefix: '/agent', config: { dataDir: await scratch(t) } })
  const messageOf = async (path: string) => (await host.inject(path)).json().error.message
  assert.equal(await messageOf('/agent/a%1b[31mb%c2%9bc%0ad'), 'Nothing here: GET /agent/a [31mb c d')
  assert.equal(await messageOf(`/agent/${'x'.repeat(1000)}`), `Nothing here: GET /agent/${'x'.repeat(93)}…`)
})

test('who has no credential learns of pages that are missing, and of nothing else', async (t) => {
  const { url } = await build(t, { prefix: '/agent', config: { server: { token: 'secret' } } })
  assert.equal((await ask(`${url}/nothing`)).status, 404)
  assert.equal((await ask(`${url}/nothing`, 'POST')).status, 401)
  assert.equal((await ask(`${url}/nothing`, 'POST', { authorization: 'Bearer secret' })).status, 404)
})
