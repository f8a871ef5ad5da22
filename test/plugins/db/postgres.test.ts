import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { build, connect, scratch } from '../../helper.ts'
import { startPostgres } from '../../postgres.ts'

test('a gateway on PostgreSQL holds a conversation and has it after a restart', async (t) => {
  const server = await startPostgres()
  const [database, dataDir] = [{ url: await server.create() }, await scratch(t)]
  const config = { database, dataDir }
  const said = async (url: string) => {
    const client = await connect(t, url)
    const { history } = await client.call('sessions.get', { sessionId: 'ws:pg' })
    return history.map(({ role }: { role: string }) => role)
  }

  const first = await build(t, { config })
  const client = await connect(t, first.url)
  const sent = await client.call('agent.send', { sessionId: 'ws:pg', message: 'Hello', idempotencyKey: 'once' })
  assert.equal(sent.sessionId, 'ws:pg')
  assert.deepEqual(await said(first.url), ['user', 'assistant'])
  const again = await client.call('agent.send', { sessionId: 'ws:pg', message: 'Hello', idempotencyKey: 'once' })
  assert.equal(again.runId, sent.runId)
  await client.call('agent.send', { sessionId: 'ws:pg', message: '/queue set mode=collect cap=8' })
  await client.call('agent.send', { sessionId: 'ws:pg', message: '/tool memory.put {"key":"tea","value":"green"}' })
  await client.call('canvas.put', { sessionId: 'ws:pg', artifactId: 'a', type: 'text', content: { text: 'x' } })
  assert.equal((await fetch(`${first.url}/ready`)).status, 200)
  const before = await said(first.url)
  assert.deepEqual(before, ['user', 'assistant', 'user', 'assistant', 'assistant'])
  await first.host.close()

  const { url, app } = await build(t, { config })
  assert.deepEqual(await said(url), before)
  assert.deepEqual((await app.db.sessions.get('ws:pg'))?.config.queue, { mode: 'collect', cap: 8 })
  const other = await connect(t, url)
  assert.equal((await other.call('system.sessionAnalytics', { days: 1, topLimit: 5 })).totalSessions, 1)
  await other.call('sessions.delete', { sessionId: 'ws:pg' })
  assert.equal(await app.db.sessions.get('ws:pg'), undefined)
  assert.equal(existsSync(join(dataDir, 'flynn.db')), false)
})
