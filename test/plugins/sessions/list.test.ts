import assert from 'node:assert/strict'
import test from 'node:test'
import { build, connect, type Frame } from '../../helper.ts'
import { slowTool, withModel } from '../agent/fixtures.ts'

test('a row shows title, preview, tokens, and the work in its lane', async (t) => {
  const slow = slowTool()
  const { url, model } = await withModel(t, { plugins: [slow.plugin] })
  const client = await connect(t, url)
  model.reply({ text: 'Hi!', usage: { input: 7, output: 3 } })
  await client.call('agent.send', { sessionId: 'ws:a', message: 'Hello' })
  await client.call('agent.send', { sessionId: 'ws:b', message: 'Good day' })
  model.reply({ toolCalls: [{ id: 'c1', name: 'test_slow', args: {} }] })
  client.start('agent.send', { sessionId: 'ws:a', message: 'And now?' })
  await slow.called
  const waiting = client.start('agent.send', { sessionId: 'ws:a', message: 'Next' })
  const list = async (params: Frame) => (await client.call('sessions.list', params)).sessions
  while ((await list({ text: 'hello' }))[0].depth === 0);
  const [row] = await list({ status: 'running' })
  const { title, preview, running, depth, unread, pinned, archived, usage } = row
  assert.deepEqual([title, preview, running, depth, unread], ['Hello', 'And now?', true, 1, 2])
  assert.deepEqual([pinned, archived, usage.outputTokens > 0], [false, false, true])
  assert.deepEqual([row.context.contextWindow > 0, row.context.tokens > 0], [true, true])
  const ids = (rows: Frame[]) => rows.map(({ id }) => id)
  assert.deepEqual(ids(await list({ status: 'idle' })), ['ws:b'])
  assert.deepEqual(ids(await list({ status: 'waiting' })), [])
  assert.deepEqual(ids(await list({ sessionIds: ['ws:b', 'ws:none'] })), ['ws:b'])
  assert.deepEqual(ids(await list({ sessionIds: ['ws:b'], status: 'running' })), [])
  assert.deepEqual(ids(await list({ sessionIds: ['ws:a'], includePersisted: false })), ['ws:a'])
  slow.answer('done')
  await client.final(waiting)
})

test('a session is renamed, pinned, archived and marked as read, and subscribers see it', async (t) => {
  const { app, url } = await build(t)
  const client = await connect(t, url)
  await client.call('agent.send', { sessionId: 'ws:a', message: 'Hello' })
  await client.call('events.subscribe', { kinds: ['session'] })
  const changed = await client.call('sessions.update', { sessionId: 'ws:a', title: 'Mine', pinned: true, archived: true })
  assert.deepEqual(changed, { sessionId: 'ws:a', title: 'Mine', pinned: true, archived: true })
  await client.frame(({ event, data }) => event === 'session' && data.sessionId === 'ws:a' && data.change === 'updated')
  assert.deepEqual(await client.call('sessions.update', { sessionId: 'ws:a' }), changed)
  const list = async (params: Frame) => (await client.call('sessions.list', params)).sessions
  assert.equal((await list({ archived: true, pinned: true }))[0].unread, 1)
  assert.deepEqual(await client.call('sessions.markRead', { sessionId: 'ws:a' }), { sessionId: 'ws:a', unread: 0 })
  assert.equal((await list({}))[0].unread, 0)
  assert.deepEqual(await list({ archived: false }), [])
  for (const title of ['', ' ', 'two\nlines', 'x'.repeat(201)]) {
    await assert.rejects(client.call('sessions.update', { sessionId: 'ws:a', title }), { code: -2 })
  }
  await assert.rejects(client.call('sessions.update', { sessionId: 'ws:none', pinned: true }), { code: 1 })
  await assert.rejects(client.call('sessions.markRead', { sessionId: 'ws:none' }), { code: 1 })
  const entries = await app.db.audit.list({ limit: 9, event: 'sessions.update' })
  assert.deepEqual(
    entries.map(({ detail }) => detail),
    [{ sessionId: 'ws:a', changed: ['title', 'pinned', 'archived'] }]
  )
})
