import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import test from 'node:test'
import { Type } from '@sinclair/typebox'
import { WebSocket } from 'ws'
import { defineMethod, gatewayPlugin } from '../../plugins/define.ts'
import { build, connect, type Frame, rejection } from '../helper.ts'
import { startModelServer } from '../model-server.ts'

const MiB = 1024 * 1024

test('a frame of 17 MiB closes its connection with 1009, and the gateway serves the others', async (t) => {
  const { url, app } = await build(t)
  const [big, other] = [await connect(t, url), await connect(t, url)]
  big.socket.on('error', () => {})
  const closed = big.closed()
  big.send(JSON.stringify({ id: 1, method: 'agent.send', params: { message: 'x'.repeat(17 * MiB) } }))
  assert.equal((await closed).code, 1009)
  assert.deepEqual(big.frames, [])
  await other.call('system.info')
  assert.equal((await app.sessions.list({ live: false, limit: 10, offset: 0 })).total, 0)
})

test('a frame of 16 MiB is read', async (t) => {
  const { url } = await build(t)
  const client = await connect(t, url)
  const frame = (padding: string): string => JSON.stringify({ id: 1, method: 'system.info', params: { x: padding } })
  client.send(frame('x'.repeat(16 * MiB - frame('').length)))
  assert.match((await client.final(1)).error.message, /^params\.x is not known/)
})

test('many fragments that are too large together close with 1009 as one frame does', async (t) => {
  const { url } = await build(t, { config: { server: { maxPayloadBytes: 64 * 1024 } } })
  const client = await connect(t, url)
  client.socket.on('error', () => {})
  const closed = client.closed()
  for (let part = 0; part < 10; part++) client.socket.send('x'.repeat(10 * 1024), { fin: false })
  assert.equal((await closed).code, 1009)
})

test('a thousand requests at once are all answered where each is answered at once', async (t) => {
  const { url } = await build(t)
  const client = await connect(t, url)
  const ids = Array.from({ length: 1000 }, () => client.start('system.info'))
  await client.final(ids.at(-1)!)
  assert.deepEqual(
    client.frames.map(({ id, result }) => [id, result?.connections]),
    ids.map((id) => [id, 1])
  )
})

test('of a thousand messages at once 64 are taken, the others are refused at once and may be sent again', async (t) => {
  const model = await startModelServer(t)
  const gate = Promise.withResolvers<void>()
  model.reply({ text: 'first', until: gate.promise })
  const { url } = await build(t, {
    config: {
      models: { default: { anthropic: { apiKey: 'key', model: 'm', baseUrl: model.baseUrl } } },
      lanes: { default: { cap: 1000 } }
    }
  })
  const [client, other] = [await connect(t, url), await connect(t, url)]
  const ids = Array.from({ length: 1000 }, (_, n) => client.start('agent.send', { message: `message ${n}`, sessionId: 'x:1' }))
  // The first run cannot end yet: whatever is answered now does not wait for it.
  const refused = await Promise.all(ids.slice(64).map((id) => client.final(id)))
  for (const { error } of refused) {
    assert.deepEqual([error.code, error.data.retryable], [3, true])
    assert.match(error.message, /More than 64 requests of this connection are under way/)
  }
  assert.equal(client.frames.filter((frame) => 'result' in frame).length, 0)
  assert.equal((await rejection(client.call('system.info'))).code, 3)
  await other.call('system.info')

  gate.resolve()
  const answered = await Promise.all(ids.slice(0, 64).map((id) => client.final(id)))
  assert.deepEqual(
    answered.map(({ result }) => result?.content),
    ['first', ...Array(63).fill('Hello from the model.')]
  )
  assert.equal((await client.call('system.info')).connections, 2)
  assert.equal(model.requests.length, 64)
})

test('notifications under way count, and those past the limit leave no trace', async (t) => {
  const answer = Promise.withResolvers<null>()
  let calls = 0
  const plugin = gatewayPlugin({ name: 'held', dependencies: ['rpc'] }, async (app) => {
    app.rpc.method(
      defineMethod({
        name: 'test.held',
        summary: 'Answers when the test says so',
        scope: 'any',
        params: Type.Object({}, { additionalProperties: false }),
        result: Type.Null(),
        handler() {
          calls++
          return answer.promise
        }
      })
    )
  })
  const { url } = await build(t, { plugins: [plugin] })
  const client = await connect(t, url)
  for (let n = 0; n < 200; n++) client.send({ jsonrpc: '2.0', method: 'test.held' })
  const error = await rejection(client.call('system.info'))
  assert.equal(error.code, 3)
  assert.equal(calls, 64)
  assert.equal(client.frames.length, 1)
  answer.resolve(null)
  await client.call('system.info')
})

test('five hundred silent sockets, upgraded and not, keep nobody from being served', async (t) => {
  const { url } = await build(t)
  const { hostname, port } = new URL(url)
  const raw = Array.from({ length: 500 }, () => net.connect(Number(port), hostname))
  const upgraded = Array.from({ length: 500 }, () => new WebSocket(url.replace('http', 'ws')))
  t.after(() => {
    for (const socket of raw) socket.destroy()
    for (const socket of upgraded) socket.terminate()
  })
  await Promise.all([...raw.map((socket) => once(socket, 'connect')), ...upgraded.map((socket) => once(socket, 'open'))])
  const client = await connect(t, url)
  assert.equal((await client.call('system.info')).connections, 501)
  assert.equal((await client.call('agent.send', { message: 'say hello' })).content, 'hello')
  assert.equal((await fetch(`${url}/health`)).status, 200)

  const gone = Promise.all(upgraded.map((socket) => once(socket, 'close')))
  for (const socket of upgraded) socket.terminate()
  await gone
  await client.call('system.info')
})

test('what system.capabilities tells is what is enforced', async (t) => {
  const config = {
    server: { maxPayloadBytes: 32 * 1024 * 1024, sendBufferBytes: 123_456 },
    agent: { runTimeoutSeconds: 77 }
  }
  const { url, app } = await build(t, { config })
  const client = await connect(t, url)
  const { limits } = await client.call('system.capabilities')
  assert.deepEqual(limits, {
    maxPayloadBytes: config.server.maxPayloadBytes,
    maxNesting: 64,
    maxValues: 100_000,
    maxInFlight: 64,
    maxMessageCharacters: MiB,
    maxAttachments: 10,
    maxAttachmentBytes: 10 * MiB,
    heartbeatSeconds: 30,
    sendBufferBytes: config.server.sendBufferBytes,
    runTimeoutSeconds: config.agent.runTimeoutSeconds,
    workspaceBytes: 512 * MiB,
    memoryBytes: 8 * MiB,
    answerBytes: MiB,
    toolArgsBytes: MiB,
    toolResultBytes: MiB,
    toolCallsPerStep: 32,
    connections: 10_000,
    connectionsPerAddress: 1000,
    unauthenticatedConnections: 500
  })

  // Two levels are the frame and its params.
  const nested = (levels: number): string =>
    `{"id":500,"method":"system.info","params":{"x":${'['.repeat(levels - 2)}${']'.repeat(levels - 2)}}}`
  client.send(nested(limits.maxNesting))
  assert.match((await client.final(500)).error.message, /^params\.x is not known/)
  client.send(nested(limits.maxNesting + 1))
  assert.equal((await client.frame(({ id }) => id === null)).error.code, -1)

  await client.call('agent.send', { message: 'x'.repeat(limits.maxMessageCharacters) })
  const long = await rejection(client.call('agent.send', { message: 'x'.repeat(limits.maxMessageCharacters + 1) }))
  assert.equal(long.code, -2)
  assert.match(long.message, /^params\.message must be a string of at most 1048576 characters/)

  const attachment = { mimeType: 'text/plain', data: Buffer.from('hello').toString('base64') }
  const attach = (count: number) => ({ message: 'look', attachments: Array(count).fill(attachment) })
  await client.call('agent.send', attach(limits.maxAttachments))
  const many = await rejection(client.call('agent.send', attach(limits.maxAttachments + 1)))
  assert.equal(many.code, -2)
  assert.match(many.message, /^params\.attachments must be an array of at most 10 items, got an array of 11/)

  const sized = (bytes: number): Frame => ({ mimeType: 'text/plain', data: Buffer.alloc(bytes, 'x').toString('base64') })
  await client.call('agent.send', { message: 'look', attachments: [sized(limits.maxAttachmentBytes)] })
  const large = await rejection(
    client.call('agent.send', { message: 'look', attachments: [sized(limits.maxAttachmentBytes), sized(1)] })
  )
  assert.equal(large.code, -2)
  assert.match(large.message, /^params\.attachments must hold at most 10485760 bytes together, got 10485761/)

  const frame = (padding: string): string => JSON.stringify({ id: 501, method: 'system.info', params: { x: padding } })
  const largest = limits.maxPayloadBytes - frame('').length
  client.send(frame('x'.repeat(largest)))
  assert.match((await client.final(501)).error.message, /^params\.x is not known/)
  client.socket.on('error', () => {})
  const closed = client.closed()
  client.send(frame('x'.repeat(largest + 1)))
  assert.equal((await closed).code, 1009)
  assert.equal(app.config.agent.runTimeoutSeconds, limits.runTimeoutSeconds)
})
