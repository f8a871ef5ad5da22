import assert from 'node:assert/strict'
import test from 'node:test'
import { connect, type Frame } from '../../helper.ts'
import { slowTool, withModel } from '../agent/fixtures.ts'

test('a history tells how failed and stopped runs ended, and what they cost', async (t) => {
  const slow = slowTool()
  const { url, model } = await withModel(t, { plugins: [slow.plugin] })
  const client = await connect(t, url)
  model.reply({ text: 'Hi!', usage: { input: 7, output: 3 } }, { status: 400, message: 'no credit left' })
  await client.call('agent.send', { sessionId: 'ws:a', message: 'Hello' })
  await assert.rejects(client.call('agent.send', { sessionId: 'ws:a', message: 'Fails' }))
  model.reply({ toolCalls: [{ id: 'c1', name: 'test_slow', args: {} }], usage: { input: 10, output: 5 } })
  const id = client.start('agent.send', { sessionId: 'ws:a', message: 'Stopped' })
  await slow.called
  await client.call('agent.cancel', { sessionId: 'ws:a', reason: 'changed my mind' })
  slow.answer('too late')
  await client.final(id)

  // As after a reload: another connection.
  const { history, runs, title, older, newer } = await (await connect(t, url)).call('sessions.get', { sessionId: 'ws:a' })
  assert.deepEqual([title, older, newer], ['Hello', false, false])
  const run = (text: string) => {
    const { runId } = history.find(({ content }: Frame) => content === text)
    return runs.find((it: Frame) => it.runId === runId)
  }
  assert.deepEqual([run('Hello').status, run('Hello').usage], ['completed', { inputTokens: 7, outputTokens: 3 }])
  assert.equal(run('Fails').status, 'failed')
  assert.match(run('Fails').error.message, /no credit left/)
  const { status, reason, usage } = run('Stopped')
  assert.deepEqual([status, reason, usage], ['cancelled', 'changed my mind', { inputTokens: 10, outputTokens: 5 }])
})

test('a history opens around a message, and is paged both ways from there', async (t) => {
  const { app, url } = await withModel(t)
  const client = await connect(t, url)
  await app.db.sessions.open('ws:a', 1)
  const ids: number[] = []
  for (let n = 0; n < 9; n++) {
    ids.push(await app.db.messages.append({ sessionId: 'ws:a', runId: 'r', role: 'user', content: `${n}`, createdAt: n }))
  }
  const get = async (params: Frame) => {
    const { history, older, newer } = await client.call('sessions.get', { sessionId: 'ws:a', ...params })
    return [history.map(({ content }: Frame) => content).join(''), older, newer]
  }
  assert.deepEqual(await get({ around: ids[4], limit: 4 }), ['2345', true, true])
  assert.deepEqual(await get({ around: ids[0], limit: 4 }), ['01', false, true])
  assert.deepEqual(await get({ around: ids[4], limit: 1 }), ['4', true, true])
  assert.deepEqual(await get({ after: ids[5], limit: 2 }), ['67', true, true])
  assert.deepEqual(await get({ after: ids[6], limit: 9 }), ['78', true, false])
  assert.deepEqual(await get({ after: ids[8] }), ['', true, false])
  assert.deepEqual(await get({ before: ids[2], limit: 9 }), ['01', false, true])
  await assert.rejects(client.call('sessions.get', { sessionId: 'ws:a', before: 2, after: 1 }), { code: -2 })
})
