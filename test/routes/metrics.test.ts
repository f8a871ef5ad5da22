import assert from 'node:assert/strict'
import test from 'node:test'
import { build } from '../helper.ts'

const TOKENS = [
  { name: 'prometheus', token: 'reads', scopes: ['read'] as const },
  { name: 'phone', token: 'talks', scopes: ['write', 'node', 'operate'] as const }
]
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

test('/metrics is text for Prometheus, for those with the scope read', async (t) => {
  for (const prefix of ['', '/agent']) {
    const { url } = await build(t, { prefix, config: { server: { token: 'all', tokens: [...TOKENS] } } })
    for (const token of ['reads', 'all']) {
      const answer = await fetch(`${url}/metrics`, bearer(token))
      assert.equal(answer.status, 200)
      assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
      assert.match(await answer.text(), /^# HELP flynn_connections .+\n# TYPE flynn_connections gauge\nflynn_connections 0$/m)
    }
  }
})

test('/metrics tells nothing to those without the scope, or without a credential', async (t) => {
  const { url } = await build(t, { config: { server: { token: 'all', tokens: [...TOKENS] } } })
  for (const [init, status, code] of [
    [bearer('talks'), 403, -5],
    [bearer('wrong'), 401, -5],
    [{}, 401, -4]
  ] as const) {
    const answer = await fetch(`${url}/metrics`, init)
    const body = await answer.text()
    assert.deepEqual([answer.status, JSON.parse(body).error.code], [status, code])
    assert.ok(!body.includes('flynn_'))
  }
})

test('/metrics follows auth_http, and is described in the OpenAPI document', async (t) => {
  const { url } = await build(t, { config: { server: { token: 'all', authHttp: false } } })
  assert.equal((await fetch(`${url}/metrics`)).status, 200)
  const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: Record<string, { get: object }> }
  const { security, responses } = paths['/metrics']!.get as { security: object[]; responses: Record<string, { content: object }> }
  assert.deepEqual(security, [{ bearer: ['read'] }, { cookie: ['read'] }])
  assert.deepEqual(Object.keys(responses['200']!.content), ['text/plain'])
  assert.ok(responses['403'])
})
