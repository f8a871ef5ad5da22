import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { connect as connectTcp, type Socket } from 'node:net'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import helmet from '@fastify/helmet'
import files from '@fastify/static'
import swagger from '@fastify/swagger'
import websocket from '@fastify/websocket'
import { Type } from '@sinclair/typebox'
import Fastify, { type FastifyInstance } from 'fastify'
import { WebSocket } from 'ws'
import gateway, { type GatewayOptions } from '../app.ts'
import { defineMethod, type GatewayInstance, gatewayPlugin } from '../plugins/define.ts'
import { defineTool } from '../plugins/tools/define.ts'
import { build, connect, scratch, TestClient } from './helper.ts'

/** A socket that says whatever the test wants it to say. */
function connectTo(t: TestContext, url: string): Socket {
  const { hostname, port } = new URL(url)
  const socket = connectTcp(Number(port), hostname)
  t.after(() => socket.destroy())
  return socket
}

const None = Type.Object({}, { additionalProperties: false })

interface Hosted {
  readonly host: FastifyInstance
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  /** Warnings and errors in the host's log so far. */
  complaints(): string[]
}

/** A host of its own on a real port. `prepare` registers what the host has, gateways included. */
async function embed(t: TestContext, prepare: (host: FastifyInstance) => unknown): Promise<Hosted> {
  const lines: string[] = []
  const stream = { write: (line: string) => void lines.push(line) }
  const host = Fastify({ forceCloseConnections: true, logger: { level: 'warn', stream } })
  t.after(() => host.close())
  await prepare(host)
  const url = await host.listen({ port: 0, host: '127.0.0.1' })
  return { host, url, complaints: () => lines.filter((line) => !line.includes('the offline model answers')) }
}

/** Options with a data directory of their own. */
async function options(t: TestContext, more: GatewayOptions = {}): Promise<GatewayOptions> {
  return { prefix: '/agent', ...more, config: { ...more.config, dataDir: await scratch(t) } }
}

async function text(url: string): Promise<[status: number, body: string]> {
  const response = await fetch(url)
  return [response.status, await response.text()]
}

/** What the gateway's plugins call their own. */
const DECORATORS = [
  'config',
  'db',
  'audit',
  'auth',
  'rpc',
  'connections',
  'lanes',
  'sessions',
  'providers',
  'tools',
  'agent',
  'system'
]

test('a prefix moves socket, page, methods and health; the host keeps the rest', async (t) => {
  const { url } = await embed(t, async (host) => {
    host.get('/', async () => 'the page of the host')
    await host.register(gateway, await options(t))
    host.get('/after', async () => 'also of the host')
  })
  for (const path of ['/agent', '/agent/']) {
    const client = await connect(t, url + path)
    assert.equal((await client.call('agent.send', { message: 'say hello' })).content, 'hello', path)
  }

  const redirect = await fetch(`${url}/agent?a=b`, { redirect: 'manual' })
  assert.deepEqual([redirect.status, redirect.headers.get('location')], [302, 'agent/?a=b'])
  const page = await fetch(`${url}/agent/`)
  assert.match(page.headers.get('content-type') ?? '', /^text\/html/)
  const html = await page.text()
  assert.match(html, /<title>Flynn gateway<\/title>/)
  for (const [, file] of html.matchAll(/(?:href|src)="([^"]+)"/g)) {
    assert.equal((await fetch(new URL(file!, `${url}/agent/`))).status, 200, file)
  }

  const call = await fetch(`${url}/agent/rpc/system.info`, { method: 'POST' })
  assert.equal(((await call.json()) as { result: { connections: number } }).result.connections, 2)
  assert.equal((await fetch(`${url}/agent/health`)).status, 200)
  assert.equal((await fetch(`${url}/agent/openrpc.json`)).status, 200)

  assert.deepEqual(await text(url), [200, 'the page of the host'])
  assert.deepEqual(await text(`${url}/after`), [200, 'also of the host'])
  for (const path of ['/health', '/rpc/system.info', '/page.js', '/auth/session']) {
    assert.equal((await fetch(url + path)).status, 404, path)
  }
})

test('unknown paths are answered by the gateway below its prefix, elsewhere by the host', async (t) => {
  const { url } = await embed(t, async (host) => {
    host.setNotFoundHandler((_request, reply) => reply.code(404).send('not of the host'))
    await host.register(gateway, await options(t))
    await host.register(
      async (scope) => {
        scope.setNotFoundHandler((_request, reply) => reply.code(404).send('not of the scope'))
        await scope.register(gateway, await options(t, { prefix: '', decorator: 'second' }))
      },
      { prefix: '/scope' }
    )
    await host.register(gateway, await options(t, { prefix: '/', decorator: 'third' }))
  })
  const told = { error: { code: -3, message: 'Nothing here: GET /agent/nothing', data: { retryable: false } } }
  assert.deepEqual(await text(`${url}/agent/nothing`), [404, JSON.stringify(told)])
  assert.deepEqual(await text(`${url}/nothing`), [404, 'not of the host'])
  assert.deepEqual(await text(`${url}/agentless`), [404, 'not of the host'])
  assert.deepEqual(await text(`${url}/scope/nothing`), [404, 'not of the scope'])
})

test('the host sees one name of the gateway and none of its hooks', async (t) => {
  const before = Object.keys(Fastify())
  const { host, url } = await embed(t, async (host) => {
    await host.register(gateway, await options(t, { config: { server: { token: 'secret' } } }))
    host.post('/', async (request) => ({ got: request.body }))
    host.get('/fails', async () => {
      throw new Error('of the host')
    })
  })
  assert.equal(host.hasDecorator('gateway'), true)
  for (const name of DECORATORS) {
    assert.equal(host.hasDecorator(name), false, name)
    assert.equal(name in host.gateway, true, name)
  }
  assert.deepEqual(
    Object.keys(host).filter((name) => !before.includes(name) && !['gateway', 'server'].includes(name)),
    []
  )
  const echo = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"a":1}' })
  assert.deepEqual(await echo.json(), { got: { a: 1 } })
  assert.equal(echo.headers.get('content-security-policy'), null)
  assert.deepEqual(await (await fetch(`${url}/fails`)).json(), {
    statusCode: 500,
    error: 'Internal Server Error',
    message: 'of the host'
  })
  assert.equal((await fetch(`${url}/agent/rpc/system.info`, { method: 'POST' })).status, 401)
})

test("a host's own @fastify/websocket is used, and the limit on frames still holds", async (t) => {
  const { url, host, complaints } = await embed(t, async (host) => {
    await host.register(websocket)
    host.get('/echo', { websocket: true }, (socket) => {
      socket.on('message', (data) => socket.send(String(data)))
    })
    await host.register(gateway, await options(t, { config: { server: { maxPayloadBytes: 2048 } } }))
  })
  assert.equal(host.gateway.websocketServer, host.websocketServer)
  const client = await connect(t, `${url}/agent`, { protocols: ['flynn.v1', 'bearer.eA'] })
  assert.equal((await client.call('agent.send', { message: 'say hello' })).content, 'hello')
  const closed = client.closed()
  client.start('agent.send', { message: 'x'.repeat(2048) })
  assert.deepEqual(await closed, { code: 1009, reason: 'frame too big' })

  const echo = new WebSocket(`${url.replace('http', 'ws')}/echo`)
  t.after(() => echo.terminate())
  await new Promise((resolve) => echo.once('open', resolve))
  const answer = new Promise((resolve) => echo.once('message', (data) => resolve(String(data))))
  echo.send('x'.repeat(5000))
  assert.equal(await answer, 'x'.repeat(5000), 'the limit is that of the gateway, not of its host')

  const other = await connect(t, `${url}/agent`)
  await other.call('system.info')
  const gone = Promise.all([other.closed(), new Promise((resolve) => echo.once('close', resolve))])
  await host.close()
  await gone
  assert.deepEqual(complaints(), [])
})

test("with the gateway's own @fastify/websocket a handshake elsewhere is a plain request", async (t) => {
  const { url } = await embed(t, async (host) => {
    host.get('/plain', async () => 'plain')
    await host.register(gateway, await options(t))
  })
  for (const [path, status] of [
    ['/plain', 200],
    ['/nowhere', 404],
    ['/%zz', 400]
  ] as const) {
    const socket = connectTo(t, url)
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`)
    let answer = ''
    for await (const chunk of socket) answer += chunk
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), path)
  }
})

test("a host's own @fastify/static and @fastify/helmet keep their files and headers, and the gateway has its own", async (t) => {
  const folder = await scratch(t)
  await mkdir(path.join(folder, 'public'))
  for (const file of ['index.html', 'page.js', 'host.txt'])
    await writeFile(path.join(folder, 'public', file), `${file} of the host`)
  const { url } = await embed(t, async (host) => {
    await host.register(helmet, { contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ['https:'] } } })
    await host.register(files, { root: path.join(folder, 'public') })
    await host.register(gateway, await options(t))
    host.get('/sent', (_request, reply) => reply.sendFile('host.txt'))
  })
  assert.deepEqual(await text(`${url}/`), [200, 'index.html of the host'])
  assert.deepEqual(await text(`${url}/page.js`), [200, 'page.js of the host'])
  assert.deepEqual(await text(`${url}/sent`), [200, 'host.txt of the host'])
  assert.match((await text(`${url}/agent/`))[1], /<title>Flynn gateway<\/title>/)
  assert.match((await text(`${url}/agent/page.js`))[1], /import /)
  assert.equal((await fetch(url)).headers.get('content-security-policy'), 'default-src https:')
  assert.match((await fetch(`${url}/agent/`)).headers.get('content-security-policy') ?? '', /^default-src 'self'/)
})

test('@fastify/swagger of the host describes its routes, before the gateway and after it', async (t) => {
  for (const order of ['before', 'after']) {
    const host = Fastify()
    t.after(() => host.close())
    if (order === 'before') await host.register(swagger, { openapi: { info: { title: 'host', version: '1.0.0' } } })
    await host.register(gateway, { prefix: '/agent', config: { dataDir: await scratch(t) } })
    if (order === 'after') await host.register(swagger, { openapi: { info: { title: 'host', version: '1.0.0' } } })
    host.get('/mine', { schema: { summary: 'Mine', response: { 200: Type.Object({ mine: Type.Boolean() }) } } }, () => ({
      mine: true
    }))
    await host.ready()
    const { paths = {} } = host.swagger()
    assert.equal((paths['/mine'] as { get: { summary: string } }).get.summary, 'Mine')
    // It sees the routes that are added after it.
    assert.equal('/agent/metrics' in paths, order === 'before')
    assert.equal('/agent/rpc/agent.send' in paths, order === 'before')
    assert.ok(!Object.keys(paths).some((path) => path.includes('*')))
    const { paths: own } = host.gateway.documents.get('openapi').value as {
      paths: Record<string, { get: { security: object[] } }>
    }
    assert.deepEqual(own['/metrics']!.get.security, [{ bearer: ['read'] }, { cookie: ['read'] }])
  }
})

test('a host can test its gateway with injectWS', async (t) => {
  for (const { own, server, context } of [
    { own: false, server: { token: 'secret' }, context: { headers: { authorization: 'Bearer secret' } } },
    { own: true, server: { token: 'secret' }, context: { headers: { authorization: 'Bearer secret' } } },
    { own: false, server: {}, context: { headers: { host: 'localhost' }, socket: { remoteAddress: '127.0.0.1' } as Socket } }
  ]) {
    const host = Fastify()
    t.after(() => host.close())
    if (own) await host.register(websocket)
    await host.register(gateway, { prefix: '/agent', config: { dataDir: await scratch(t), server } })
    await host.ready()
    const socket = await host.gateway.injectWS('/agent', context)
    const client = new TestClient(socket as WebSocket, 'native')
    assert.equal((await client.call('agent.send', { message: 'say hello' })).content, 'hello')
    socket.terminate()
  }
})

test('decorators of the host do not clash with those of the gateway', async (t) => {
  const { url, host } = await embed(t, async (host) => {
    for (const name of DECORATORS) host.decorate(name, `${name} of the host`)
    for (const name of ['caller', 'session', 'user', 'auth', 'token']) {
      host.decorateRequest(name, null)
      host.decorateReply(name, null)
    }
    await host.register(gateway, await options(t))
  })
  const client = await connect(t, `${url}/agent`)
  assert.equal((await client.call('agent.send', { message: 'say hello' })).content, 'hello')
  for (const name of DECORATORS) assert.equal((host as unknown as Record<string, unknown>)[name], `${name} of the host`)
})

test('two gateways live on one host, each with its own name, prefix, data and limits', async (t) => {
  const { host, url, complaints } = await embed(t, async (host) => {
    await host.register(
      gateway,
      await options(t, { prefix: '/a', config: { server: { token: 'token-a', maxPayloadBytes: 4096 } } })
    )
    await host.register(
      gateway,
      await options(t, { prefix: '/b', decorator: 'second', config: { server: { token: 'token-b' } } })
    )
  })
  const second = (host as unknown as { second: GatewayInstance }).second
  const [a, b] = [await connect(t, `${url}/a`, { token: 'token-a' }), await connect(t, `${url}/b/`, { token: 'token-b' })]
  for (const client of [a, b]) {
    assert.equal((await client.call('system.info')).connections, 1)
    assert.equal((await client.call('agent.send', { message: 'say hello', sessionId: 'x:1' })).content, 'hello')
    const { history } = await client.call('sessions.get', { sessionId: 'x:1' })
    assert.equal(history.length, 2)
  }
  assert.notEqual(host.gateway.db, second.db)
  const stranger = await connect(t, `${url}/b`, { token: 'token-a' })
  assert.equal((await stranger.frame(({ id }) => id === null)).error.code, -5)

  await b.call('agent.send', { message: `say ${'x'.repeat(5000)}` })
  a.socket.on('error', () => {})
  const tooBig = a.closed()
  a.start('agent.send', { message: 'x'.repeat(5000) })
  assert.equal((await tooBig).code, 1009)

  const again = await connect(t, `${url}/a`, { token: 'token-a' })
  const goodbyes = Promise.all([again.closed(), b.closed()])
  await host.close()
  assert.deepEqual(
    (await goodbyes).map(({ code }) => code),
    [1001, 1001]
  )
  assert.deepEqual(
    complaints().filter((line) => !line.includes('authentication failed')),
    []
  )
})

test('two gateways of the same name on one host do not start', async (t) => {
  const host = Fastify()
  t.after(() => host.close())
  await host.register(gateway, await options(t, { prefix: '/a' }))
  await assert.rejects(async () => host.register(gateway, await options(t, { prefix: '/b' })), {
    code: 'FST_ERR_DEC_ALREADY_PRESENT'
  })
})

test('two hosts in one process share nothing', async (t) => {
  const [one, other] = [await build(t), await build(t)]
  const [client, neighbour] = [await connect(t, one.url), await connect(t, other.url)]
  await client.call('agent.send', { message: 'say hello', sessionId: 'x:1' })
  assert.equal((await neighbour.call('sessions.list')).total, 0)
  await one.host.close()
  assert.equal((await neighbour.call('agent.send', { message: 'say hello' })).content, 'hello')
})

const weather = gatewayPlugin<{ unit: 'c' | 'f' }>({ name: 'weather', dependencies: ['rpc', 'tools'] }, async (app, { unit }) => {
  const today = (city: string): string => `20°${unit.toUpperCase()} in ${city}`
  const city = { city: Type.String() }
  app.rpc.method(
    defineMethod({
      name: 'weather.today',
      summary: 'The weather of today',
      scope: 'read',
      params: Type.Object(city, { additionalProperties: false }),
      result: Type.Object({ sky: Type.String() }),
      handler: ({ city }) => ({ sky: today(city) })
    })
  )
  app.tools.add(
    defineTool({
      name: 'weather.lookup',
      description: 'The weather of a city',
      input: Type.Object(city, { additionalProperties: false }),
      run: async ({ city }) => today(city)
    })
  )
})

test('a third-party plugin adds methods and tools like built-in ones', async (t) => {
  const { url } = await build(t, { plugins: [[weather, { unit: 'c' }]] })
  const client = await connect(t, url)
  assert.deepEqual(await client.call('weather.today', { city: 'Linz' }), { sky: '20°C in Linz' })
  const response = await fetch(`${url}/rpc/weather.today`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"city":"Linz"}'
  })
  assert.deepEqual(await response.json(), { result: { sky: '20°C in Linz' } })
  const { methods } = await client.call('rpc.discover')
  assert(methods.some(({ name }: { name: string }) => name === 'weather.today'))
  const { tools } = await client.call('tools.list')
  assert(tools.some(({ name }: { name: string }) => name === 'weather.lookup'))
  const { content } = await client.call('agent.send', { message: '/tool weather.lookup {"city":"Graz"}' })
  assert.match(content, /20°C in Graz/)
})

test('a duplicate name of a plugin stops the start', async (t) => {
  const method = (name: string) =>
    gatewayPlugin({ name: 'twice', dependencies: ['rpc'] }, async (app) => {
      app.rpc.method({ name, summary: 'x', scope: 'any', params: None, result: Type.Null(), handler: () => null })
    })
  const tool = (name: string) =>
    gatewayPlugin({ name: 'twice', dependencies: ['tools'] }, async (app) => {
      app.tools.add(defineTool({ name, description: 'x', input: None, run: async () => 'x' }))
    })
  const open = Type.Object({})
  const loose = gatewayPlugin({ name: 'loose', dependencies: ['rpc'] }, async (app) => {
    app.rpc.method({ name: 'test.loose', summary: 'x', scope: 'any', params: open, result: Type.Null(), handler: () => null })
  })
  for (const [plugins, message] of [
    [[method('system.info')], "method 'system.info' is already registered"],
    [[method('test.one'), method('test.one')], "method 'test.one' is already registered"],
    [[method('Nonsense')], "method 'Nonsense': a name looks like 'group.verb'"],
    [[loose], "method 'test.loose': params need additionalProperties: false"],
    [[tool('memory.put')], "tool 'memory.put' is already registered"]
  ] as const) {
    const host = Fastify()
    t.after(() => host.close())
    await assert.rejects(async () => host.register(gateway, await options(t, { plugins })), { message })
  }
})

test('a gateway plugin registered on the host names its missing dependency', async (t) => {
  const host = Fastify()
  t.after(() => host.close())
  await host.register(gateway, await options(t))
  await assert.rejects(async () => host.register(weather, { unit: 'f' }), {
    code: 'FST_ERR_PLUGIN_DEPENDENCY_NOT_REGISTERED',
    message: /flynn:rpc/
  })
})

test('a host may add a method until it is ready, and not after', async (t) => {
  const method = (name: string) =>
    defineMethod({ name, summary: 'x', scope: 'any', params: None, result: Type.String(), handler: () => 'of the host' })
  const { host, url } = await embed(t, async (host) => {
    await host.register(gateway, await options(t))
    host.gateway.rpc.method(method('host.greet'))
  })
  const client = await connect(t, `${url}/agent`)
  assert.equal(await client.call('host.greet'), 'of the host')
  const response = await fetch(`${url}/agent/rpc/host.greet`, { method: 'POST' })
  assert.deepEqual(await response.json(), { result: 'of the host' })
  assert.throws(() => host.gateway.rpc.method(method('host.late')), { code: 'FST_ERR_INSTANCE_ALREADY_LISTENING' })
  await assert.rejects(
    client.call('host.late').catch((error) => Promise.reject(Object.assign(new Error(), error))),
    { code: -3 }
  )
})

test('invalid HTTP requests get a 400 with an error of the protocol', async (t) => {
  const { url } = await embed(t, async (host) => host.register(gateway, await options(t)))
  const post = async (body: string, type = 'application/json') => {
    const response = await fetch(`${url}/agent/rpc/sessions.list`, { method: 'POST', headers: { 'content-type': type }, body })
    const { error } = (await response.json()) as { error: { code: number; message: string } }
    return [response.status, error.code]
  }
  assert.deepEqual(await post('{"limit":"x"}'), [400, -2])
  assert.deepEqual(await post('{"limit":'), [400, -1])
  assert.deepEqual(await post('{"__proto__":{}}'), [400, -2])
  assert.deepEqual(await post('<a/>', 'text/xml'), [415, -2])
})
