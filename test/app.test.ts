import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import test, { type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { WebSocket } from 'ws'
import { build, type ConnectOptions, connect, type Frame, scratch, type TestClient, type TestGateway } from './helper.ts'
import { type ModelServer, startModelServer } from './model-server.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))

/** A gateway with a run under way that ends when the test says so, and the client that asked for it. */
async function busy(t: TestContext, server: object = {}) {
  const model: ModelServer = await startModelServer(t)
  const gate = Promise.withResolvers<void>()
  const gateway: TestGateway = await build(t, {
    config: { server, models: { default: { anthropic: { apiKey: 'key', model: 'm', baseUrl: model.baseUrl } } } }
  })
  const client = await connect(t, gateway.url)
  model.reply({ text: 'Half', until: gate.promise })
  const id = client.start('agent.send', { message: 'go', sessionId: 'x:1' })
  await client.frame(({ event }) => event === 'content')
  return { ...gateway, model, client, id, finish: gate.resolve }
}

/** The gateway's end of the next connection. */
async function accepted({ app }: Pick<TestGateway, 'app'>): Promise<WebSocket> {
  const [socket] = (await once(app.websocketServer, 'connection')) as [WebSocket]
  return socket
}

const finals = (client: TestClient): Frame[] => client.frames.filter((frame) => 'result' in frame || 'error' in frame)

test('a gateway that closes lets a run end within its grace, refuses new work, and says goodbye with 1001', async (t) => {
  const { host, client, id, url, app, finish } = await busy(t)
  const [told, untold] = [await connect(t, url), await connect(t, url)]
  const hello = await told.call('system.hello', { events: ['shutdown', 'no-such-event'] })
  assert.deepEqual(hello.events, ['shutdown'])
  const goodbyes = Promise.all([client, told, untold].map((peer) => peer.closed()))

  const queued = told.start('agent.send', { message: 'waits', sessionId: 'x:1' })
  await told.call('system.info')
  const closing = host.close()
  assert.deepEqual(await told.frame(({ event }) => event === 'shutdown'), {
    id: null,
    event: 'shutdown',
    data: { graceMs: 10_000 }
  })
  const late = told.start('agent.send', { message: 'too late', sessionId: 'y:1' })
  const queue = { code: 'shutdown', laneId: 'x:1', mode: 'followup', overflow: 'drop_old', droppedCount: 0 }
  for (const [id, message, data] of [
    [
      queued,
      'The gateway is shutting down; the message is kept and answered after the next start',
      { retryable: false, queue: { ...queue, kept: true } }
    ],
    [late, 'The gateway is shutting down', { retryable: true, queue: { ...queue, laneId: 'y:1' } }]
  ] as const) {
    assert.deepEqual((await told.final(id)).error, { code: 3, message, data })
    assert.deepEqual(told.events(id).at(-1)?.data, { code: 3, message, queue: data.queue })
  }
  const first = (fits: (frame: Frame) => boolean): number => told.frames.findIndex(fits)
  assert(first(({ event }) => event === 'shutdown') < first(({ id }) => id === queued), 'told before anything is refused')
  // What needs no agent is still answered.
  await untold.call('system.info')
  assert.equal(await app.system.unready(), 'shutting down')
  assert.equal(finals(client).length, 0)

  finish()
  assert.equal((await client.final(id)).result.content, 'Half')
  for (const goodbye of await goodbyes) assert.deepEqual(goodbye, { code: 1001, reason: 'the gateway is shutting down' })
  await closing
  assert.deepEqual(
    client.events(id).map(({ event }) => event),
    ['content', 'done']
  )
  assert(![...client.frames, ...untold.frames].some(({ event }) => event === 'shutdown'), 'who did not ask is not told')
})

test('a run that does not end within the grace is stopped, and its client is told before the goodbye', async (t) => {
  const { host, client, id } = await busy(t, { shutdownGraceSeconds: 0 })
  const goodbye = client.closed()
  await host.close()
  const { error } = await client.final(id)
  assert.deepEqual(error, {
    code: 3,
    message: 'The gateway was shut down before this was answered',
    data: {
      retryable: false,
      queue: { code: 'shutdown', laneId: 'x:1', mode: 'followup', overflow: 'drop_old', droppedCount: 0 }
    }
  })
  assert.deepEqual(
    client.events(id).map(({ event }) => event),
    ['content', 'error']
  )
  assert.equal((await goodbye).code, 1001)
})

test('what a stopped run had said is in the transcript of the next start', async (t) => {
  const { host, dataDir } = await busy(t, { shutdownGraceSeconds: 0 })
  await host.close()
  const { url } = await build(t, { config: { dataDir } })
  const client = await connect(t, url)
  const { history } = await client.call('sessions.get', { sessionId: 'x:1' })
  assert.deepEqual(
    history.map(({ role, status, content }: Frame) => [role, status, content]),
    [
      ['user', 'complete', 'go'],
      ['assistant', 'partial', 'Half']
    ]
  )
})

test('a peer that does not answer the goodbye is cut off after two seconds', async (t) => {
  const gateway = await build(t)
  const [server, client] = await Promise.all([accepted(gateway), connect(t, gateway.url)])
  client.socket.pause()
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let closed = false
  const closing = gateway.host.close().then(() => {
    closed = true
  })
  while (server.readyState === server.OPEN) await setImmediate()
  t.mock.timers.tick(1_999)
  assert.equal(server.readyState, server.CLOSING)
  assert.equal(closed, false)
  t.mock.timers.tick(1)
  t.mock.timers.reset()
  await closing
})

test('a gateway that has closed leaves nothing behind: its process ends by itself', async (t) => {
  // Over the network: connections to a provider are kept for the next call.
  const model = await startModelServer(t)
  model.reply({ toolCalls: [{ name: 'memory_put', args: { key: 'a', value: 'b' } }] }, { text: 'noted' }, { text: 'hello' })
  const models = { default: { anthropic: { apiKey: 'key', model: 'm', baseUrl: model.baseUrl } } }
  const config = JSON.stringify({ dataDir: await scratch(t), models })
  const script = `
    import Fastify from 'fastify'
    import { WebSocket } from 'ws'
    import gateway from ${JSON.stringify(new URL('../app.ts', import.meta.url).href)}
    const host = Fastify()
    await host.register(gateway, { config: ${config} })
    const url = await host.listen({ port: 0, host: '127.0.0.1' })
    const socket = new WebSocket(url)
    const frames = []
    await new Promise((resolve) => socket.once('open', resolve))
    const answered = new Promise((resolve) => socket.on('message', (data) => {
      const frame = JSON.parse(data)
      frames.push(frame)
      if (frame.id === 2 && frame.result) resolve()
    }))
    socket.send('{"id":1,"method":"system.info"}')
    socket.send('{"id":2,"method":"agent.send","params":{"message":"note it"}}')
    await answered
    const body = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"message":"hello"}' }
    const { result } = await (await fetch(url + '/rpc/agent.send', body)).json()
    const health = await (await fetch(url + '/health')).json()
    const goodbye = new Promise((resolve) => socket.once('close', resolve))
    await host.close()
    console.log(JSON.stringify([frames.length > 3, result.content, health.status, await goodbye]))
  `
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: ROOT,
    timeout: 60_000
  })
  assert.equal(stderr, '')
  assert.deepEqual(JSON.parse(stdout), [true, 'hello', 'ok', 1001])
})

test('a gateway that cannot start leaves nothing behind either', async (t) => {
  const dataDir = await scratch(t)
  const script = `
    import Fastify from 'fastify'
    import gateway from ${JSON.stringify(new URL('../app.ts', import.meta.url).href)}
    const host = Fastify()
    const broken = async () => { throw new Error('the extension is broken') }
    await host.register(gateway, { config: { dataDir: ${JSON.stringify(dataDir)} }, plugins: [broken] }).ready().catch((error) => console.log(error.message))
    await host.close()
  `
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: ROOT,
    timeout: 60_000
  })
  assert.equal(stdout, 'the extension is broken\n')
})

test('a socket anywhere but at the root of the gateway is closed with 4404 and why', async (t) => {
  const { url } = await build(t)
  for (const path of ['/socket', '/health', '/rpc/system.info', '/index.html', '/page.js', '/a/b/c?d=e']) {
    const goodbye = Promise.withResolvers<unknown>()
    const client = await connect(t, url + path)
    client.socket.once('close', (code, reason) => goodbye.resolve([code, String(reason)]))
    client.send({ id: 1, method: 'system.info' })
    assert.deepEqual(await goodbye.promise, [4404, "nothing here: the socket is at the gateway's root"], path)
    assert.deepEqual(client.frames, [])
  }
  assert.equal((await fetch(`${url}/socket`)).status, 404)
})

test('who is not let in gets one frame that says why, then 4401, and is not listened to', async (t) => {
  const { url, app } = await build(t, { config: { server: { token: 'secret' } } })
  const refused: [ConnectOptions, number][] = [
    [{}, -4],
    [{ token: 'wrong' }, -5],
    [{ protocols: ['flynn.v1', `bearer.${Buffer.from('wrong').toString('base64url')}`] }, -5]
  ]
  for (const [options, code] of refused) {
    const client = await connect(t, url, options)
    const goodbye = new Promise((resolve) => client.socket.once('close', resolve))
    client.socket.send(JSON.stringify({ id: 1, method: 'sessions.create', params: { sessionId: 'in:1' } }), () => {})
    assert.equal(await goodbye, 4401)
    assert.equal(client.frames.length, 1)
    assert.deepEqual([client.frames[0]?.id, client.frames[0]?.error.code], [null, code])
    assert(!JSON.stringify(client.frames).includes('wrong'))
  }
  // Who says much more than a goodbye is cut off, and not after a whole frame of 16 MiB.
  const loud = await connect(t, url, { token: 'wrong' })
  const cut = new Promise((resolve) => loud.socket.once('close', resolve))
  loud.socket.on('error', () => {})
  loud.socket.pause()
  for (let n = 0; n < 8; n++) loud.socket.send('x'.repeat(1024 * 1024), { fin: n === 7 }, () => {})
  loud.socket.resume()
  await cut
  assert.equal(app.connections.size, 0)
  assert.equal((await app.sessions.list({ live: false, limit: 1, offset: 0 })).total, 0)
  const welcome = await connect(t, url, { token: 'secret' })
  assert.equal((await welcome.call('system.info')).connections, 1)
})
