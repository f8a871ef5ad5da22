import assert from 'node:assert/strict'
import { once } from 'node:events'
import test, { type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Type } from '@sinclair/typebox'
import type { WebSocket } from 'ws'
import { defineMethod, gatewayPlugin } from '../../plugins/define.ts'
import { RUN_EVENTS } from '../../rpc/schemas/agent.ts'
import { build, connect, type Frame, type TestClient, type TestGateway } from '../helper.ts'
import { startModelServer } from '../model-server.ts'

const KiB = 1024
const MiB = 1024 * KiB

/** A client, and the gateway's end of its socket. */
async function pair(t: TestContext, { url, app }: TestGateway): Promise<{ client: TestClient; server: WebSocket }> {
  const accepted = once(app.websocketServer, 'connection') as Promise<[WebSocket]>
  const client = await connect(t, url)
  return { client, server: (await accepted)[0] }
}

/** What the process holds once everything that nobody refers to is gone. Buffers outside the heap take more than one round. */
async function held(): Promise<number> {
  setFlagsFromString('--expose-gc')
  for (let round = 0; round < 5; round++) {
    runInNewContext('gc')()
    await setImmediate()
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** A method that says `text(1)` to `text(count)`, one content event each, in one go, and ends when the test says so. */
function flooding(count: number, text: (seq: number) => string) {
  const said = Promise.withResolvers<void>()
  const end = Promise.withResolvers<void>()
  const plugin = gatewayPlugin({ name: 'flooding', dependencies: ['rpc'] }, async (app) => {
    app.rpc.method(
      defineMethod({
        name: 'test.flood',
        summary: 'Says a lot',
        scope: 'any',
        params: Type.Object({}, { additionalProperties: false }),
        result: Type.Null(),
        events: RUN_EVENTS,
        async handler(_params, ctx) {
          const origin = (seq: number) => ({ sessionId: 'flood:1', runId: 'flood', seq })
          for (let seq = 1; seq <= count; seq++) {
            ctx.emit('content', { text: text(seq) }, origin(seq))
            // The socket gets its turns, or nothing would reach the peer before all is said.
            if (seq % 32 === 0) await setImmediate()
          }
          said.resolve()
          await end.promise
          ctx.emit('done', { content: '' }, origin(count + 1))
          return null
        }
      })
    )
  })
  return { plugin, said: said.promise, end: end.resolve }
}

test('a peer that never reads is closed with 1013; its run completes, and its memory is given back', async (t) => {
  const model = await startModelServer(t)
  // More than any socket buffers of the loopback: the rest would have to wait in the gateway.
  const delta = 'y'.repeat(64 * KiB)
  const deltas = 512
  const gateway = await build(t, {
    config: {
      server: { sendBufferBytes: 64 * KiB },
      limits: { answerBytes: 64 * MiB },
      models: { default: { anthropic: { apiKey: 'key', model: 'm', baseUrl: model.baseUrl } } }
    }
  })
  const { client: deaf, server } = await pair(t, gateway)
  const other = await connect(t, gateway.url)
  await other.call('agent.send', { message: 'warm up' })
  const before = await held()

  model.reply({ text: Array<string>(deltas).fill(delta) })
  deaf.socket.pause()
  deaf.start('agent.send', { message: 'tell me everything', sessionId: 'deaf:1' })
  while (server.readyState === server.OPEN) await setImmediate()
  assert(gateway.app.lanes.has('deaf:1'), 'the run goes on without it')
  await other.call('system.info')
  while (gateway.app.lanes.has('deaf:1')) await setImmediate()

  const stuck = (await held()) - before
  assert(stuck < 16 * MiB, `${stuck} bytes are held for a peer that does not read`)
  const { history } = await other.call('sessions.get', { sessionId: 'deaf:1' })
  assert.deepEqual(
    history.map(({ role, status, content }: Frame) => [role, status, content.length]),
    // A page of history has its bound too: this answer alone is more than that.
    [['assistant', 'complete', deltas * delta.length]]
  )

  const closed = deaf.closed()
  deaf.socket.resume()
  assert.deepEqual(await closed, { code: 1013, reason: 'slow consumer' })
  assert(deaf.frames.every(({ event }) => event === 'content'))
  assert.equal((await other.call('system.info')).connections, 1)
})

test('a peer that reads late gets everything: merged, in order, without a gap', async (t) => {
  const count = 512
  const text = (seq: number): string => `${seq} `.padEnd(64 * KiB, 'z')
  const { plugin, said, end } = flooding(count, text)
  // Eight MiB in the socket and up to twenty-four waiting: nothing is given up, whatever the buffers of the loopback hold.
  const gateway = await build(t, { config: { server: { sendBufferBytes: 8 * MiB } }, plugins: [plugin] })
  const { client: late, server } = await pair(t, gateway)
  const other = await connect(t, gateway.url)

  late.socket.pause()
  const id = late.start('test.flood')
  await said
  assert(server.bufferedAmount > 8 * MiB)
  await other.call('system.info')
  assert.equal((await other.call('agent.send', { message: 'say hello' })).content, 'hello')
  assert.deepEqual(late.frames, [])

  late.socket.resume()
  await late.frame(({ seq }) => seq === count)
  end()
  await late.final(id)
  const events = late.events(id)
  assert(events.some(({ fromSeq }) => fromSeq !== undefined))
  let next = 1
  for (const { event, seq, fromSeq = seq, data } of events) {
    assert.equal(fromSeq, next)
    next = seq + 1
    if (event !== 'content') continue
    const said = Array.from({ length: next - fromSeq }, (_, n) => text(fromSeq + n)).join('')
    // Not with assert.equal, which would print megabytes.
    assert(data.text === said, `the text of ${fromSeq} to ${seq} is what was said`)
  }
  assert.equal(next, count + 2)
  assert.equal(events.at(-1)?.event, 'done')
})

test('what waits for a slow peer goes out before the goodbye', async (t) => {
  const count = 512
  const { plugin, said, end } = flooding(count, (seq) => `${seq} `.padEnd(64 * KiB, 'z'))
  const gateway = await build(t, { config: { server: { sendBufferBytes: 8 * MiB } }, plugins: [plugin] })
  const { client: late } = await pair(t, gateway)
  late.socket.pause()
  const id = late.start('test.flood')
  await said
  end()
  late.start('system.disconnect')
  const closed = late.closed()
  late.socket.resume()
  assert.equal((await closed).code, 1000)
  assert.equal(late.frames.filter((frame) => frame.id === id).at(-1)?.result, null)
  assert.equal(late.events(id).at(-2)?.seq, count)
})

test('a burst is not held against a peer that reads', async (t) => {
  const count = 48
  const text = (seq: number): string => `${seq} `.padEnd(64 * KiB, 'z')
  const { plugin, said, end } = flooding(count, text)
  // The whole burst is many times what a peer may be owed for long, and less than what is hopeless.
  const gateway = await build(t, { config: { server: { sendBufferBytes: 64 * KiB } }, plugins: [plugin] })
  const client = await connect(t, gateway.url)
  const id = client.start('test.flood')
  await said
  end()
  await client.final(id)
  const received = client.events(id).flatMap(({ event, data }) => (event === 'content' ? data.text : []))
  assert(received.join('') === Array.from({ length: count }, (_, n) => text(n + 1)).join(''), 'all that was said has come')
})
