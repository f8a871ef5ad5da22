import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { databaseIn, open } from '../../../db/client.ts'
import type { QueueMode } from '../../../lanes/message.ts'
import { scratch } from '../../helper.ts'
import { startModelServer } from '../../model-server.ts'
import { slowTool } from '../agent/fixtures.ts'
import { withChannel } from './fixtures.ts'

const POLICY = { mode: 'followup', cap: 20, overflow: 'drop_old', debounceMs: 0, summarizeOverflow: true } as const

const inbound = (text: string) => ({ conversation: '7', senderId: 'ann', messageId: `id of ${text}`, text })

/** A channel with one queue mode, and its deliveries up to a last one. */
async function talk(t: TestContext, mode: QueueMode = 'followup', config: object = {}) {
  const slow = slowTool()
  const { app, host, delivered, said } = await withChannel(t, {
    plugins: [slow.plugin],
    config: { lanes: { channels: { test: { mode, debounceMs: 0 } } }, ...config }
  })
  return {
    app,
    host,
    slow,
    delivered,
    said,
    say: (text: string) => app.channels.receive('test', inbound(text)),
    async all(): Promise<string[]> {
      await app.channels.receive('test', inbound('say the end'))
      await said('the end')
      return delivered.map(({ text }) => text).slice(0, -1)
    }
  }
}

/** Database of a process that died while it answered these messages together. */
async function died(t: TestContext, ids: readonly string[], begun = 1): Promise<string> {
  const dataDir = await scratch(t)
  const db = await open({ file: databaseIn(dataDir) })
  for (const [index, id] of ids.entries()) {
    const body = { message: `say ${id}`, attachments: [] }
    const reply = { channel: 'test', conversation: '7' }
    const rest = { owner: 'test:ann', priority: 'person', policy: POLICY, preview: body.message, reply } as const
    await db.queue.accept({ id, sessionId: 'test:7', acceptedAt: index + 1, body, ...rest })
  }
  for (let run = 1; run <= begun; run++) {
    if (run > 1) await db.queue.resolve({ requeue: ids, ends: [], now: 10 })
    await db.queue.claim({ sessionId: 'test:7', runId: `run ${run}`, ids, now: 10 })
  }
  await db.close()
  return dataDir
}

test('messages that were collected are answered once', async (t) => {
  const { slow, say, all, said } = await talk(t, 'collect')
  await say('/tool test.slow {}')
  await slow.called
  await say('say one')
  await say('say two')
  slow.answer('done')
  await said('one\ntwo')
  assert.equal((await all()).length, 2)
})

test('a message that was steered into a run is answered with it, once', async (t) => {
  const { slow, say, all, said } = await talk(t, 'steer')
  await say('/tool test.slow {}')
  await slow.called
  await say('say and this')
  slow.answer('done')
  await said('and this')
  assert.equal((await all()).length, 1)
})

test('a message that is also a turn of its own is answered by that one, once', async (t) => {
  const { slow, say, all, said } = await talk(t, 'steer_backlog')
  await say('/tool test.slow {}')
  await slow.called
  await say('say and this')
  slow.answer('done')
  await said('and this')
  assert.equal((await all()).length, 2)
})

test('of what a newer message stopped or took the place of nothing is said', async (t) => {
  const { slow, say, all } = await talk(t, 'interrupt')
  await say('/tool test.slow {}')
  await slow.called
  await say('say superseded')
  await say('say newest')
  slow.answer('late')
  // It interrupts nothing that has not ended.
  assert.ok((await all()).every((text) => text === 'newest'))
})

test('a cancel is answered, and what it cancelled is not', async (t) => {
  const { slow, say, all } = await talk(t)
  await say('/tool test.slow {}')
  await slow.called
  await say('say patience')
  await say('/stop')
  slow.answer('late')
  const texts = await all()
  assert.equal(texts.length, 1)
  assert.doesNotMatch(texts[0]!, /patience|late/)
})

test('a run that fails says so, once', async (t) => {
  const model = await startModelServer(t)
  const refusal = { status: 400, message: 'no' }
  model.reply(refusal, { text: 'the end' })
  const models = { default: { anthropic: { apiKey: 'k', model: 'm', baseUrl: model.baseUrl } } }
  const { say, all } = await talk(t, 'followup', { models })
  await say('Hello')
  const texts = await all()
  assert.equal(texts.length, 1)
  assert.match(texts[0]!, /^Something went wrong\. /)
})

test('a run cut off by shutdown is reported once, waiting messages run later', async (t) => {
  const dataDir = await scratch(t)
  const first = await talk(t, 'followup', { dataDir, server: { shutdownGraceSeconds: 0 } })
  const spoken: string[] = []
  first.app.hooks.on('agent.reply', ({ text }) => void spoken.push(text))
  await first.say('/tool test.slow {}')
  ;(await first.slow.called).addEventListener('abort', () => first.slow.answer('late'))
  await first.say('say later')
  await first.host.close()
  const texts = first.delivered.map(({ text }) => text)
  assert.deepEqual(texts, ['The gateway was shut down before this was answered'])
  assert.deepEqual(spoken, texts)
  const second = await talk(t, 'followup', { dataDir })
  await second.said('later')
  assert.equal((await second.all()).length, 1)
})

test('a message that comes while the gateway is closing has not arrived: its platform is to send it again', async (t) => {
  const { app, slow, say } = await talk(t)
  await say('/tool test.slow {}')
  await slow.called
  const closed = app.lanes.close(60_000)
  await assert.rejects(say('say too late'), { message: 'The gateway is shutting down' })
  assert.deepEqual(await app.db.queue.unended().then((rows) => rows.map(({ preview }) => preview)), ['/tool test.slow {}'])
  assert.deepEqual(await app.db.outbox.due(Number.MAX_SAFE_INTEGER, 10), [])
  slow.answer('done')
  await closed
})

test('a run cut off by a crash is reported once for all its messages', async (t) => {
  const { said, all } = await talk(t, 'followup', { dataDir: await died(t, ['one', 'two']) })
  await said('The gateway ended')
  assert.deepEqual(await all(), ['Something went wrong. The gateway ended while this was being answered'])
})

test('with recovery retry a cut-off run is answered, or reported in the end', async (t) => {
  for (const [begun, text] of [
    [1, 'one'],
    [3, 'Something went wrong. The gateway ended each time this was being answered; it is not tried again']
  ] as const) {
    const { said, all } = await talk(t, 'followup', { dataDir: await died(t, ['one'], begun), lanes: { recovery: 'retry' } })
    await said(text)
    assert.deepEqual(await all(), [text])
  }
})

test('an answer whose end could not be stored at first is said once, as soon as it can be', async (t) => {
  const { app, say, said, all } = await talk(t)
  const { settle } = app.db.queue
  const refused = Promise.withResolvers<void>()
  app.db.queue.settle = () => {
    refused.resolve()
    return Promise.reject(new Error('database or disk is full'))
  }
  await say('say it')
  await refused.promise
  app.db.queue.settle = settle
  await Promise.all([app.lanes.settleOwed(), app.lanes.settleOwed()])
  await said('it')
  assert.deepEqual(await all(), ['it'])
})

test('a command that is refused says why, once', async (t) => {
  const { say, all } = await talk(t)
  await say('/elevate 5m')
  await say('/elevate 5m')
  const texts = await all()
  assert.equal(texts.length, 1)
  assert.match(texts[0]!, /scope|right|may/i)
})
