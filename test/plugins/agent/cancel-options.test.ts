import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { build, connect, rejection, type TestClient } from '../../helper.ts'
import { probes } from '../../protocol/probes.ts'
import { withModel } from './fixtures.ts'

const SESSION = 'x:1'

/** A session with an active run and one waiting message. */
async function busy(t: TestContext) {
  const end = Promise.withResolvers<void>()
  const { url, model } = await withModel(t)
  model.reply({ text: 'One', until: end.promise }, { text: 'Two' })
  const client = await connect(t, url)
  await client.call('system.hello', { events: ['accepted'] })
  const asked = model.next()
  const running = client.start('agent.send', { message: 'first', sessionId: SESSION })
  await asked
  const { runId } = await client.frame(({ id, event }) => id === running && event === 'content')
  const waiting = client.start('agent.send', { message: 'second', sessionId: SESSION })
  const { data } = await client.frame(({ id, event }) => id === waiting && event === 'accepted')
  const cancel = (options: object): Promise<unknown> => client.call('agent.cancel', { sessionId: SESSION, ...options })
  return { client, running, waiting, runId, messageId: data.messageId as string, cancel, end: end.resolve }
}

const answer = async (client: TestClient, id: number): Promise<unknown> => (await client.final(id)).result?.content

test('agent.cancel with keepQueue stops the run and leaves the queue', async (t) => {
  const { client, running, waiting, cancel } = await busy(t)
  assert.deepEqual(await cancel({ keepQueue: true }), { cancelled: true })
  assert.equal((await client.final(running)).error.code, 4)
  assert.equal(await answer(client, waiting), 'Two')
})

test('agent.cancel with the runId of another run cancels nothing', async (t) => {
  const { client, running, waiting, messageId, cancel, end } = await busy(t)
  for (const runId of ['no-such-run', messageId]) assert.deepEqual(await cancel({ runId }), { cancelled: false })
  end()
  assert.deepEqual([await answer(client, running), await answer(client, waiting)], ['One', 'Two'])
})

test('agent.cancel with the runId of the active run cancels as without it', async (t) => {
  const { client, running, waiting, runId, cancel } = await busy(t)
  assert.deepEqual(await cancel({ runId }), { cancelled: true })
  for (const id of [running, waiting]) assert.equal((await client.final(id)).error.code, 4)
})

test('the reason of a cancel is part of the error of each requester', async (t) => {
  const { client, running, waiting, cancel } = await busy(t)
  await cancel({ reason: 'wrong file' })
  const [first, second] = [(await client.final(running)).error, (await client.final(waiting)).error]
  assert.deepEqual(first, {
    code: 4,
    message: 'Request cancelled: wrong file',
    data: { retryable: false, reason: 'wrong file' }
  })
  assert.deepEqual([second.message, second.data.reason, second.data.queue.code], [first.message, 'wrong file', 'cancelled'])
})

test('a connection with all its requests in progress can still cancel, confirm and disconnect', async (t) => {
  const { url } = await build(t, { config: { server: { shutdownGraceSeconds: 0 } }, plugins: [probes] })
  const client = await connect(t, url)
  const ids = Array.from({ length: 64 }, () => client.start('agent.send', { message: '/tool probe.wait', sessionId: SESSION }))
  assert.equal((await rejection(client.call('system.info'))).code, 3)
  const confirmation = await rejection(client.call('agent.confirmTool', { callId: 'unknown', approve: true }))
  assert.equal(confirmation.code, -2)
  assert.deepEqual(await client.call('agent.cancel', { sessionId: SESSION }), { cancelled: true })
  for (const id of ids) assert.ok((await client.final(id)).error)
  assert.ok(await client.call('system.info'))
  Array.from({ length: 64 }, () => client.start('agent.send', { message: '/tool probe.wait', sessionId: SESSION }))
  assert.deepEqual(await client.call('system.disconnect'), { success: true })
})
