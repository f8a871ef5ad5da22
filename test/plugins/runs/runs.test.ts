import assert from 'node:assert/strict'
import test from 'node:test'
import { connect, type Frame } from '../../helper.ts'
import { slowTool, withModel } from '../agent/fixtures.ts'

const USAGE = { input: 10, output: 5 }
const kinds = (run: Frame) => run.steps.map(({ kind, name, status }: Frame) => [kind, name, status].filter(Boolean).join(' '))

test('a run is listed and shown with its calls, while it runs and after', async (t) => {
  const slow = slowTool()
  const { url, model } = await withModel(t, { plugins: [slow.plugin] })
  const client = await connect(t, url)
  model.reply(
    { toolCalls: [{ id: 'c1', name: 'test_slow', args: {} }], usage: USAGE },
    { text: 'Done.', usage: { input: 20, output: 2 } }
  )
  const id = client.start('agent.send', { sessionId: 'ws:a', message: 'Hello' })
  await slow.called
  const { runs, total, nextCursor } = await client.call('runs.list', { status: 'running' })
  assert.deepEqual([runs.length, total, nextCursor], [1, 1, null])
  const live = await client.call('runs.get', { runId: runs[0].runId })
  assert.deepEqual(kinds(live), ['accepted', 'started', 'model test-model completed', 'tool test.slow running'])
  assert.equal(live.endedAt, null)

  slow.answer('took its time')
  const { result } = await client.final(id)
  const run = await client.call('runs.get', { runId: result.runId })
  assert.deepEqual(kinds(run), [
    'accepted',
    'started',
    'model test-model completed',
    'tool test.slow completed',
    'model test-model completed',
    'ended'
  ])
  assert.deepEqual([run.status, run.usage, run.owner], ['completed', { inputTokens: 30, outputTokens: 7 }, 'local'])
  const tool = run.steps[3]
  assert.deepEqual([tool.callId, tool.args, tool.output, tool.error], ['c1', '{}', 'took its time', undefined])
  const { startedAt, endedAt, ...asked } = run.steps[2]
  assert.deepEqual(asked, {
    kind: 'model',
    name: 'test-model',
    provider: 'anthropic',
    status: 'completed',
    inputTokens: 10,
    outputTokens: 5,
    reason: 'tool_calls'
  })
})

test('failed and cancelled runs tell why, and keep the tokens spent', async (t) => {
  const slow = slowTool()
  const { url, model } = await withModel(t, { plugins: [slow.plugin] })
  const client = await connect(t, url)
  model.reply({ status: 400, message: 'no credit left' })
  await assert.rejects(client.call('agent.send', { sessionId: 'ws:a', message: 'Hello' }))
  model.reply({ toolCalls: [{ id: 'c1', name: 'test_slow', args: {} }], usage: USAGE })
  const id = client.start('agent.send', { sessionId: 'ws:a', message: 'Again' })
  await slow.called
  await client.call('agent.cancel', { sessionId: 'ws:a', reason: 'changed my mind' })
  slow.answer('too late')
  await client.final(id)
  const { runs } = await client.call('runs.list', { sessionId: 'ws:a', frontend: 'ws' })
  const [cancelled, failed] = runs
  assert.deepEqual([cancelled.status, cancelled.reason, cancelled.error.code], ['cancelled', 'changed my mind', 4])
  assert.deepEqual(cancelled.usage, { inputTokens: 10, outputTokens: 5 })
  assert.deepEqual([failed.status, failed.error.code, failed.reason], ['failed', 5, null])
  const { steps } = await client.call('runs.get', { runId: failed.runId })
  assert.deepEqual([steps[2].status, steps[2].provider], ['failed', 'anthropic'])
  assert.match(steps[2].error, /no credit left/)
  const stopped = await client.call('runs.get', { runId: cancelled.runId })
  assert.equal(kinds(stopped).at(-2), 'tool test.slow cancelled')
})

test('runs are paged by a cursor that nothing else is taken for', async (t) => {
  const { url } = await withModel(t)
  const client = await connect(t, url)
  for (const n of [1, 2, 3]) await client.call('agent.send', { sessionId: `ws:${n}`, message: 'Hello' })
  const first = await client.call('runs.list', { limit: 2 })
  assert.deepEqual([first.runs.length, first.total], [2, 3])
  const rest = await client.call('runs.list', { limit: 2, cursor: first.nextCursor })
  assert.deepEqual([rest.runs.length, rest.total, rest.nextCursor], [1, 3, null])
  assert.equal(new Set([...first.runs, ...rest.runs].map(({ runId }: Frame) => runId)).size, 3)
  for (const cursor of ['x', 'W10', Buffer.from('[1]').toString('base64url')]) {
    await assert.rejects(client.call('runs.list', { cursor }), { code: -2 })
  }
  await assert.rejects(client.call('runs.get', { runId: 'unknown' }), { code: -2 })
})
