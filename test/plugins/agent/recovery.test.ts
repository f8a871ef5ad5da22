import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import Fastify from 'fastify'
import gateway from '../../../app.ts'
import { databaseIn, open } from '../../../db/client.ts'
import { build, connect, type Frame, rejection, scratch } from '../../helper.ts'
import { transcript } from './fixtures.ts'

const SESSION = 'x:1'
const POLICY = { mode: 'followup', cap: 20, overflow: 'drop_old', debounceMs: 0, summarizeOverflow: true } as const

/** What a gateway leaves behind that dies: messages that wait, the first of them begun so many times. */
async function left(t: TestContext, { begun }: { begun: number }): Promise<string> {
  const dataDir = await scratch(t)
  const db = await open({ file: databaseIn(dataDir) })
  for (const [index, id] of ['one', 'two', 'three'].entries()) {
    const body = { message: `say ${id}`, attachments: [] }
    const rest = { owner: 'local', priority: 'person', policy: POLICY, preview: body.message } as const
    await db.queue.accept({ id, sessionId: SESSION, acceptedAt: index + 1, body, ...rest })
  }
  for (let run = 1; run <= begun; run++) {
    const runId = run === 1 ? 'one' : `one again ${run}`
    await db.queue.claim({ sessionId: SESSION, runId, ids: ['one'], now: 10 })
    await db.messages.append({ sessionId: SESSION, runId, role: 'user', content: 'say one', createdAt: 11 })
    if (run < begun) await db.queue.resolve({ requeue: ['one'], ends: [], now: 12 })
  }
  await db.close()
  return dataDir
}

test('after a crash what waited runs in order, and what was running is interrupted and not run again', async (t) => {
  const { url, app } = await build(t, { config: { dataDir: await left(t, { begun: 1 }) } })
  const client = await connect(t, url)
  const answered = await client.call('sessions.resume', { sessionId: SESSION, runId: 'three' })
  assert.equal(answered.content, 'three')
  assert.deepEqual(transcript(await client.call('sessions.get', { sessionId: SESSION })), [
    'user interrupted: say one',
    'user complete: say two',
    // The model sees the question that was not answered, too.
    'assistant complete: one\ntwo',
    'user complete: say three',
    'assistant complete: three'
  ])
  const error = await rejection(client.call('sessions.resume', { sessionId: SESSION, runId: 'one' }))
  assert.deepEqual(
    [error.code, error.message, error.data.retryable],
    [5, 'The gateway ended while this was being answered', false]
  )
  assert.equal((await app.db.runs.get('one'))?.status, 'interrupted')
  assert.deepEqual(await app.db.queue.unended(), [])
})

test('a question that a run had taken up and not written down yet is in the transcript all the same', async (t) => {
  const dataDir = await left(t, { begun: 0 })
  const db = await open({ file: databaseIn(dataDir) })
  await db.queue.claim({ sessionId: SESSION, runId: 'one', ids: ['one'], now: 10 })
  await db.close()
  const { url } = await build(t, { config: { dataDir } })
  const client = await connect(t, url)
  await client.call('sessions.resume', { sessionId: SESSION, runId: 'three' })
  const { history } = await client.call('sessions.get', { sessionId: SESSION })
  assert.deepEqual([history[0].content, history[0].status], ['say one', 'interrupted'])
})

test('with lanes.recovery retry what was running runs again, before what came after it', async (t) => {
  const { url } = await build(t, { config: { dataDir: await left(t, { begun: 1 }), lanes: { recovery: 'retry' } } })
  const client = await connect(t, url)
  assert.equal((await client.call('sessions.resume', { sessionId: SESSION, runId: 'three' })).content, 'three')
  const again = await client.call('sessions.resume', { sessionId: SESSION, runId: 'one' })
  assert.equal(again.content, 'one\none')
  assert.notEqual(again.runId, 'one', 'its events are numbered anew')
  assert.deepEqual(transcript(await client.call('sessions.get', { sessionId: SESSION })), [
    'user interrupted: say one',
    'user complete: say one',
    'assistant complete: one\none',
    'user complete: say two',
    'assistant complete: two',
    'user complete: say three',
    'assistant complete: three'
  ])
})

test('what was begun three times and never ended has failed, and whoever asks is told', async (t) => {
  const { url, app } = await build(t, { config: { dataDir: await left(t, { begun: 3 }), lanes: { recovery: 'retry' } } })
  const client = await connect(t, url)
  assert.equal((await client.call('sessions.resume', { sessionId: SESSION, runId: 'three' })).content, 'three')
  const error = await rejection(client.call('sessions.resume', { sessionId: SESSION, runId: 'one' }))
  assert.deepEqual(
    [error.code, error.message, error.data.retryable],
    [5, 'The gateway ended each time this was being answered; it is not tried again', false]
  )
  assert.equal((await app.db.queue.get('one'))?.state, 'failed')
  const { history } = await client.call('sessions.get', { sessionId: SESSION })
  assert.deepEqual(
    history.slice(0, 3).map(({ status }: Frame) => status),
    ['interrupted', 'interrupted', 'interrupted']
  )
})

test('what waits at a shutdown is kept, its sender told so, and answered after the next start; its key still holds', async (t) => {
  const dataDir = await scratch(t)
  const first = await build(t, { config: { dataDir, server: { shutdownGraceSeconds: 0 } } })
  const client = await connect(t, first.url)
  const words = 'word '.repeat(2000).trim()
  const running = client.start('agent.send', { message: `say ${words}`, sessionId: SESSION })
  await client.frame(({ id, event }) => id === running && event === 'content')
  await client.call('system.hello', { events: ['accepted'] })
  const waiting = client.start('agent.send', { message: 'say later', sessionId: SESSION, idempotencyKey: 'k' })
  const { messageId } = (await client.frame(({ event }) => event === 'accepted')).data
  await first.host.close()
  const { error } = await client.final(waiting)
  const queue = { code: 'shutdown', laneId: SESSION, mode: 'followup', overflow: 'drop_old', droppedCount: 0, kept: true }
  assert.deepEqual([error.code, error.data], [3, { retryable: false, queue }])
  assert.equal((await client.final(running)).error.code, 3)

  const second = await build(t, { config: { dataDir } })
  const again = await connect(t, second.url)
  const send = again.call('agent.send', { message: 'say later', sessionId: SESSION, idempotencyKey: 'k' })
  const resumed = again.call('sessions.resume', { sessionId: SESSION, runId: messageId })
  assert.equal((await send).content, 'later')
  assert.deepEqual(await resumed, await send)
  const { history } = await again.call('sessions.get', { sessionId: SESSION })
  assert.equal(history.filter(({ content }: Frame) => content === 'say later').length, 1)
})

test('a gateway that cannot listen leaves what waits as it is', async (t) => {
  const dataDir = await left(t, { begun: 0 })
  const other = await build(t)
  const host = Fastify({ forceCloseConnections: true })
  await host.register(gateway, { config: { dataDir } })
  await assert.rejects(host.listen({ port: Number(new URL(other.url).port), host: '127.0.0.1' }), { code: 'EADDRINUSE' })
  await host.close()
  const db = await open({ file: databaseIn(dataDir) })
  t.after(() => db.close())
  assert.deepEqual(
    (await db.queue.unended()).map(({ id, state }) => `${id} ${state}`),
    ['one queued', 'two queued', 'three queued']
  )
})

test('in a host that does not listen itself what waited is answered once somebody asks something', async (t) => {
  const host = Fastify()
  await host.register(gateway, { config: { dataDir: await left(t, { begun: 0 }) } })
  t.after(() => host.close())
  const post = async (method: string, payload: object) =>
    (await host.inject({ method: 'POST', url: `/rpc/${method}`, payload })).json() as Frame
  assert.equal((await post('agent.send', { sessionId: 'y:1', message: 'say hello' })).result.content, 'hello')
  assert.match((await post('sessions.resume', { sessionId: SESSION, runId: 'three' })).result.content, /three/)
})
