import assert from 'node:assert/strict'
import test from 'node:test'
import { build, connect, scratch } from '../../helper.ts'

const sessionId = 'test:1'
const TOKENS = [
  { name: 'ann', token: 'token-of-ann', scopes: ['read' as const, 'write' as const] },
  { name: 'op', token: 'token-of-op', scopes: ['read' as const, 'write' as const, 'operate' as const] }
]

test('a paused lane keeps its messages over a restart, and queue.list shows it', async (t) => {
  const dataDir = await scratch(t)
  const first = await build(t, { config: { dataDir } })
  const one = await connect(t, first.url)
  await one.call('sessions.create', { sessionId })
  await one.call('queue.pause', { sessionId })
  await one.call('system.hello', { events: ['accepted'] })
  const sent = one.start('agent.send', { sessionId, message: 'first text' })
  const { data: accepted } = await one.frame(({ id, event }) => id === sent && event === 'accepted')
  const list = await one.call('queue.list')
  assert.deepEqual([list.total, list.summary.waiting, list.summary.paused, list.summary.running], [1, 1, 1, 0])
  const [lane] = list.lanes
  assert.deepEqual([lane.sessionId, lane.state, lane.paused, lane.messages[0].preview], [sessionId, 'held', true, 'first text'])
  assert.deepEqual(await one.call('queue.update', { sessionId, messageId: accepted.messageId, message: 'second text' }), {
    updated: true
  })
  assert.equal((await one.call('queue.get', { sessionId })).messages[0].preview, 'second text')
  await first.host.close()

  const second = await build(t, { config: { dataDir } })
  const two = await connect(t, second.url)
  const held = await two.call('queue.get', { sessionId })
  assert.deepEqual([held.state, held.depth, held.messages[0].preview], ['held', 1, 'second text'])
  await two.call('queue.resume', { sessionId })
  const answer = await two.call('sessions.resume', { sessionId, runId: accepted.messageId })
  assert.match(answer.content, /second text/)
  const { history } = await two.call('sessions.get', { sessionId })
  assert.equal(history[0].content, 'second text')
  const after = await two.call('queue.list')
  assert.deepEqual([after.total, after.summary.oldestAgeMs], [0, null])
})

test('a message is edited by its sender alone, while it waits, and not into nothing', async (t) => {
  const { url } = await build(t, { config: { server: { token: 'all', tokens: TOKENS } } })
  const ann = await connect(t, url, { token: 'token-of-ann' })
  const op = await connect(t, url, { token: 'token-of-op' })
  await ann.call('sessions.create', { sessionId })
  await op.call('queue.pause', { sessionId })
  await ann.call('system.hello', { events: ['accepted'] })
  const sent = ann.start('agent.send', { sessionId, message: 'hello' })
  const { data } = await ann.frame(({ id, event }) => id === sent && event === 'accepted')
  const edit = (client: typeof ann, message: string, messageId = data.messageId) =>
    client.call('queue.update', { sessionId, messageId, message })
  assert.deepEqual(await edit(op, 'words of another'), { updated: false })
  assert.deepEqual(await edit(ann, 'hello', 'nothing'), { updated: false })
  await assert.rejects(edit(ann, ''), ({ code }: { code: number }) => code === -2)
  assert.deepEqual(await edit(ann, '/help me'), { updated: true })
  await op.call('queue.resume', { sessionId })
  const { result } = await ann.final(sent)
  assert.match(result.content, /\/help me/)
  assert.deepEqual(await edit(ann, 'too late'), { updated: false })
  await assert.rejects(ann.call('queue.pause', { sessionId }), ({ code }: { code: number }) => code === -5)
  await assert.rejects(op.call('queue.pause', { sessionId: 'test:none' }), ({ code }: { code: number }) => code === 1)
})

test('a deleted session takes its pause with it', async (t) => {
  const { url, app } = await build(t)
  const client = await connect(t, url)
  await client.call('sessions.create', { sessionId })
  await client.call('queue.pause', { sessionId })
  await client.call('sessions.delete', { sessionId })
  assert.deepEqual(await app.db.sessions.paused(), [])
  assert.match((await client.call('agent.send', { sessionId, message: 'hello' })).content, /hello/)
})

test('a dropped message is in the list for an hour, with its text', async (t) => {
  const { url } = await build(t)
  const client = await connect(t, url)
  await client.call('sessions.create', { sessionId })
  await client.call('sessions.configure', { sessionId, queue: { cap: 1 } })
  await client.call('queue.pause', { sessionId })
  for (const message of ['one', 'two']) client.start('agent.send', { sessionId, message })
  await client.frame(({ error }) => error?.code === 3)
  const { lanes, summary } = await client.call('queue.list', { limit: 1 })
  assert.deepEqual([lanes[0].droppedCount, lanes[0].dropped[0].preview, summary.dropped], [1, 'one', 1])
  assert.deepEqual((await client.call('queue.list', { limit: 1, offset: 1 })).lanes, [])
})

test('sessions.configure sets, resets and answers with the source of each value', async (t) => {
  const { url } = await build(t, { config: { lanes: { channels: { test: { overflow: 'drop_new' } } } } })
  const client = await connect(t, url)
  const configure = (params: object) => client.call('sessions.configure', { sessionId, ...params })
  await assert.rejects(configure({}), ({ code }: { code: number }) => code === 1)
  await client.call('sessions.create', { sessionId })
  const set = await configure({ queue: { mode: 'collect' }, modelTier: 'default' })
  assert.deepEqual([set.queue.policy.mode, set.queue.origin.mode, set.queue.origin.overflow], ['collect', 'session', 'channel'])
  assert.deepEqual(set.modelTier, { value: 'default', origin: 'default' })
  await assert.rejects(configure({ modelTier: 'nonsense' }), ({ code }: { code: number }) => code === -2)
  await assert.rejects(configure({ queue: { nonsense: 1 } }), ({ code }: { code: number }) => code === -2)
  const reset = await configure({ queue: null })
  assert.deepEqual([reset.queue.policy.mode, reset.queue.origin.mode], ['followup', 'default'])
})
