import assert from 'node:assert/strict'
import test from 'node:test'
import { build, connect, type Frame } from '../helper.ts'

const DETAILS = ['connections', 'status', 'uptime', 'version']

async function get(url: string, headers: Record<string, string> = {}): Promise<{ status: number; json: Frame }> {
  const response = await fetch(url, { headers })
  return { status: response.status, json: (await response.json()) as Frame }
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

test('/health says ok to everybody, and more to those with a credential', async (t) => {
  for (const prefix of ['', '/agent']) {
    const { url } = await build(t, { prefix, config: { server: { token: 'secret' } } })
    assert.deepEqual(await get(`${url}/health`), { status: 200, json: { status: 'ok' } })
    const { status, json } = await get(`${url}/health`, bearer('secret'))
    assert.equal(status, 200)
    assert.deepEqual(Object.keys(json).sort(), DETAILS)
    assert.deepEqual([json.status, json.connections], ['ok', 0])
  }
})

test('a container may probe /health with HEAD, whatever credential it sends', async (t) => {
  const { url } = await build(t, { config: { server: { token: 'secret', auth_http: true } } })
  assert.equal((await fetch(`${url}/health`, { method: 'HEAD' })).status, 200)
  assert.deepEqual(await get(`${url}/health`, bearer('wrong')), { status: 200, json: { status: 'ok' } })
})

test('/api/health follows auth_http', async (t) => {
  const closed = await build(t, { config: { server: { token: 'secret' } } })
  const refused = await get(`${closed.url}/api/health`)
  assert.deepEqual([refused.status, refused.json.error.code], [401, -4])
  const wrong = await get(`${closed.url}/api/health`, bearer('wrong'))
  assert.deepEqual([wrong.status, wrong.json.error.code], [401, -5])
  assert.deepEqual(Object.keys((await get(`${closed.url}/api/health`, bearer('secret'))).json).sort(), DETAILS)

  const open = await build(t, { config: { server: { token: 'secret', auth_http: false } } })
  assert.deepEqual(Object.keys((await get(`${open.url}/api/health`)).json).sort(), DETAILS)
  assert.equal((await get(`${open.url}/api/health`, bearer('wrong'))).status, 401)
})

test('health counts the sockets that are open', async (t) => {
  const { url } = await build(t)
  await connect(t, url)
  await connect(t, url)
  assert.equal((await get(`${url}/api/health`)).json.connections, 2)
})

test('/ready says why no work should be sent here', async (t) => {
  const { url, app } = await build(t, { config: { server: { token: 'secret' } } })
  assert.deepEqual(await get(`${url}/ready`), { status: 200, json: { ready: true } })
  app.system.closing()
  assert.deepEqual(await get(`${url}/ready`), { status: 503, json: { ready: false, reason: 'shutting down' } })
})

test('a database that takes no writes makes the gateway not ready, but not dead', async (t) => {
  const { url, app } = await build(t)
  await app.db.close()
  const { status, json } = await get(`${url}/ready`)
  assert.deepEqual([status, json], [503, { ready: false, reason: 'the database does not take writes' }])
  assert.equal((await get(`${url}/health`)).status, 200)
})
