import assert from 'node:assert/strict'
import test from 'node:test'
import { build, connect } from '../helper.ts'

test('an HTML artifact comes under a sandbox policy, to those who may read its session', async (t) => {
  const tokens = [{ name: 'node', token: 'token-node', scopes: ['node' as const] }]
  const { url } = await build(t, { config: { server: { token: 'all', tokens } } })
  const client = await connect(t, url, { token: 'all' })
  const sessionId = 'telegram:a/b?c'
  const html = '<p>hello</p><script>document.body.append(1)</script>'
  await client.call('canvas.put', { sessionId, artifactId: 'page 1', type: 'html', content: { html } })
  await client.call('canvas.put', { sessionId, artifactId: 'note', type: 'note', content: { markdown: '<b>no</b>' } })
  const get = (artifactId: string, token?: string) =>
    fetch(`${url}/canvas/${encodeURIComponent(sessionId)}/${encodeURIComponent(artifactId)}`, {
      headers: token ? { authorization: `Bearer ${token}` } : {}
    })
  const shown = await get('page 1', 'all')
  assert.deepEqual([shown.status, await shown.text()], [200, html])
  assert.equal(shown.headers.get('content-type'), 'text/html; charset=utf-8')
  const policy = shown.headers.get('content-security-policy')!
  assert.match(policy, /^sandbox allow-scripts; default-src 'none';/)
  assert.doesNotMatch(policy, /allow-same-origin|https?:|connect-src/)
  assert.equal(shown.headers.get('x-content-type-options'), 'nosniff')
  assert.deepEqual(
    [(await get('note', 'all')).status, (await get('none', 'all')).status, (await get('page 1', 'token-node')).status],
    [404, 404, 403]
  )
  assert.equal((await get('page 1')).status, 401)
})
