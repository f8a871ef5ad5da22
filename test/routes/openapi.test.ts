import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import test, { type TestContext } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import gateway, { type GatewayOptions } from '../../app.ts'
import { gatewayPlugin } from '../../plugins/define.ts'
import type { RouteSchema } from '../../rpc/documents/described.ts'
import { build, connect, type Frame, scratch } from '../helper.ts'
import { probes } from '../protocol/probes.ts'
import { checkerOf, references, target } from './documents.ts'
import { post } from './post.ts'

const { version } = createRequire(import.meta.url)('#package.json') as { version: string }

const HIDDEN: RouteSchema = { hide: true, summary: 'Not for documents' }

/** Routes as somebody else's plugin adds them. */
const routes = gatewayPlugin({ name: 'routes-of-others', share: false }, async (app) => {
  app.get('/weather/:city', {
    config: { auth: 'http' },
    schema: {
      summary: 'The weather of a city',
      tags: ['weather'],
      params: Type.Object({ city: Type.String({ description: 'Its name', expected: 'a city' }) }),
      querystring: Type.Object({ days: Type.Optional(Type.Integer({ minimum: 1 })) }, { additionalProperties: false }),
      response: { 200: Type.Object({ sky: Type.String() }) }
    },
    handler: async () => ({ sky: 'blue' })
  })
  app.post('/report', {
    config: { auth: 'none' },
    schema: { body: Type.Tuple([Type.String(), Type.Integer()]) },
    handler: async () => 'ok'
  })
  app.get('/quiet', { handler: async () => 'says nothing of itself' })
  app.get('/hidden', { schema: HIDDEN, handler: async () => 'hidden' })
})

async function openapi(t: TestContext, options: GatewayOptions = {}): Promise<Frame> {
  const { url } = await build(t, options)
  return (await (await fetch(`${url}/openapi.json`)).json()) as Frame
}

/** Every operation with its path and method. */
function operations(document: Frame): Array<[string, string, Frame]> {
  return Object.entries<Frame>(document.paths).flatMap(([path, item]) =>
    Object.entries<Frame>(item).map(([method, operation]): [string, string, Frame] => [method, path, operation])
  )
}

/** Every schema of a document that stands below `schema`, or is shared. */
function schemasIn(value: unknown): Frame[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => (key === 'schema' ? [inner as Frame] : schemasIn(inner)))
}

test('the document is valid OpenAPI 3.1, alone, under a prefix, and with routes of others', async (t) => {
  for (const options of [{}, { prefix: '/agent' }, { plugins: [probes, routes] }]) {
    const { valid, errors } = await new Validator().validate(await openapi(t, options))
    assert.ok(valid, JSON.stringify(errors))
  }
})

test('the validator is really applied: a document without a version, or with an answer that is none, is refused', async (t) => {
  const document = await openapi(t)
  assert.equal(document.info.version, version)
  assert.equal((await new Validator().validate({ ...document, info: { title: 'x' } })).valid, false)
  const broken = structuredClone(document)
  broken.paths['/health'].get.responses['200'] = { nonsense: true }
  assert.equal((await new Validator().validate(broken)).valid, false)
})

test('every schema is JSON Schema and nothing else, every reference points at something, every operation has a name of its own', async (t) => {
  const document = await openapi(t, { plugins: [probes, routes] })
  for (const $ref of references(document)) target(document, $ref)
  const checker = checkerOf(document)
  const schemas = schemasIn(document)
  for (const schema of [...schemas, ...Object.values<Frame>(document.components.schemas)])
    assert.doesNotThrow(() => checker(schema))
  assert.doesNotMatch(JSON.stringify(document), /"expected":/)
  const ids = operations(document).map(([, , { operationId }]) => operationId)
  assert.equal(new Set(ids).size, ids.length)
})

test('generators and linters find a license identifier, summaries, described tags and no catch-all route', async (t) => {
  const document = await openapi(t)
  assert.deepEqual(document.info.license, { name: 'MIT', identifier: 'MIT' })
  for (const { name, description } of document.tags) assert.ok(description, name)
  for (const [path, item] of Object.entries<Frame>(document.paths)) {
    assert.ok(!path.includes('*'), path)
    for (const [method, { summary, responses }] of Object.entries<Frame>(item)) {
      assert.ok(summary, `${method} ${path}`)
      assert.ok(
        Object.keys(responses).some((status) => status.startsWith('4')),
        `${method} ${path}`
      )
    }
  }
})

test('every method is there as its route, with its scope, and those that stream with both forms of answer', async (t) => {
  const { url, app } = await build(t, { plugins: [probes] })
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as Frame
  for (const { name, scope, summary, events } of app.rpc.list()) {
    const operation = document.paths[`/rpc/${name}`].post
    assert.deepEqual([operation.operationId, operation.summary, operation['x-scope']], [name, summary, scope])
    const scopes = scope === 'any' ? [] : [scope]
    assert.deepEqual(operation.security, [{ bearer: scopes }, { cookie: scopes }], name)
    assert.deepEqual(
      Object.keys(operation.responses[200].content),
      ['application/json', ...(events ? ['application/x-ndjson'] : [])],
      name
    )
    for (const status of [400, 401, 403, 413, 415, 429, 500, 503]) assert.ok(operation.responses[status], `${name} ${status}`)
  }
  assert.ok(document.paths['/rpc/sessions.get'].post.responses[404])
  assert.ok(document.paths['/rpc/agent.send'].post.responses[409])
})

test("every route of the gateway's own is there with what it asks of its callers", async (t) => {
  const asks = operations(await openapi(t))
    .filter(([, path]) => !path.startsWith('/rpc/'))
    .map(([method, path, { security }]) => [`${method} ${path}`, security])
  const credential = [{ bearer: [] }, { cookie: [] }]
  const expected = {
    'get /health': [{}, ...credential],
    'get /api/health': credential,
    'get /ready': [],
    'get /openrpc.json': credential,
    'get /openapi.json': credential,
    'get /asyncapi.json': credential,
    'post /auth/session': [{}, ...credential],
    'delete /auth/session': [{}, ...credential],
    'get /': [{}, ...credential]
  }
  assert.ok((await openapi(t)).paths['/auth/session'].post.responses[401], 'a wrong token')
  for (const [route, security] of Object.entries(expected)) {
    assert.deepEqual(asks.find(([name]) => name === route)?.[1], security, route)
  }
})

test('a route of a plugin is there when it has a schema, and not when it has none or hides', async (t) => {
  const { paths } = await openapi(t, { plugins: [routes] })
  const { get } = paths['/weather/{city}']
  assert.deepEqual([get.summary, get.tags], ['The weather of a city', ['weather']])
  assert.deepEqual(get.parameters, [
    { name: 'city', in: 'path', required: true, description: 'Its name', schema: { type: 'string' } },
    { name: 'days', in: 'query', schema: { type: 'integer', minimum: 1 } }
  ])
  assert.deepEqual(paths['/report'].post.security, [])
  assert.equal('/quiet' in paths || '/hidden' in paths, false)
})

test('paths are below the server, which is where the gateway is mounted; each of two gateways describes itself', async (t) => {
  const host = Fastify()
  t.after(() => host.close())
  for (const [prefix, decorator, plugins] of [
    ['/one', 'one', [routes]],
    ['/two/', 'two', []]
  ] as const) {
    await host.register(gateway, { prefix, decorator, plugins, config: { data_dir: await scratch(t) } })
  }
  const [one, two] = await Promise.all(
    ['/one', '/two'].map(async (prefix) => (await host.inject(`${prefix}/openapi.json`)).json() as Frame)
  )
  assert.deepEqual([one!.servers[0].url, two!.servers[0].url], ['/one', '/two'])
  assert.ok(one!.paths['/weather/{city}'] && one!.paths['/health'] && one!.paths['/'])
  assert.ok(!two!.paths['/weather/{city}'] && two!.paths['/health'] && two!.paths['/rpc/agent.send'])
})

test('what the gateway answers is what the document says: results, events a line, errors', async (t) => {
  const { url } = await build(t, { config: { server: { token: 'secret' } } })
  const document = (await (await fetch(`${url}/openapi.json`, { headers: { authorization: 'Bearer secret' } })).json()) as Frame
  const checker = checkerOf(document)
  const asked = { token: 'secret' }
  const schemaOf = (method: string, type = 'application/json'): Frame =>
    document.paths[`/rpc/${method}`].post.responses[200].content[type].schema
  for (const [method, params] of [
    ['agent.send', { message: 'Hello', sessionId: 'cli:me' }],
    ['sessions.get', { sessionId: 'cli:me' }],
    ['sessions.list', {}],
    ['system.capabilities', {}],
    ['tools.list', {}]
  ] as const) {
    const { status, json } = await post(url, method, params, asked)
    assert.equal(status, 200)
    assert.equal(checker(schemaOf(method))(json), undefined, method)
  }
  const { text } = await post(
    url,
    'agent.send',
    { message: '/tool nope', sessionId: 'cli:me' },
    { ...asked, accept: 'application/x-ndjson' }
  )
  const line = checker(schemaOf('agent.send', 'application/x-ndjson'))
  const lines = text.trim().split('\n')
  assert.ok(lines.length > 1)
  for (const one of lines) assert.equal(line(JSON.parse(one)), undefined)

  const failures = [
    await post(url, 'sessions.list', { limit: 0 }, asked),
    await post(url, 'sessions.list', {}),
    await post(url, 'sessions.get', { sessionId: 'cli:nobody' }, asked),
    await post(url, 'sessions.list', undefined, { ...asked, body: '<x/>', contentType: 'application/xml' })
  ]
  assert.deepEqual(
    failures.map(({ status }) => status),
    [400, 401, 404, 415]
  )
  for (const { status, json } of failures) {
    const { $ref } = document.paths['/rpc/sessions.get'].post.responses[status]
    assert.equal(checker(target(document, $ref).content['application/json'].schema)(json), undefined)
  }
})

test('every example is valid by the schema beside it', async (t) => {
  const document = await openapi(t)
  const checker = checkerOf(document)
  let seen = 0
  for (const [, path, { requestBody, responses }] of operations(document)) {
    for (const { schema, examples = {} } of [requestBody, responses[200]].flatMap((of) =>
      Object.values<Frame>(of?.content ?? {})
    )) {
      for (const { value } of Object.values<Frame>(examples)) {
        seen++
        assert.equal(checker(schema)(value), undefined, path)
      }
    }
  }
  assert.ok(seen >= 18, `${seen} examples`)
})

test('each document is served with a tag: who has it already is told so, and a changed one has another', async (t) => {
  const { url } = await build(t)
  const { url: other } = await build(t, { plugins: [probes, routes] })
  for (const file of ['openapi.json', 'asyncapi.json', 'openrpc.json']) {
    const first = await fetch(`${url}/${file}`)
    const etag = first.headers.get('etag')!
    assert.match(etag, /^"[\w-]{43}"$/)
    assert.match(first.headers.get('content-type')!, /^application\/json/)
    for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await fetch(`${url}/${file}`, { headers: { 'if-none-match': tag } })
      assert.deepEqual([again.status, again.headers.get('etag'), await again.text()], [304, etag, ''], tag)
    }
    assert.equal((await fetch(`${url}/${file}`, { headers: { 'if-none-match': '"other"' } })).status, 200)
    assert.notEqual((await fetch(`${other}/${file}`)).headers.get('etag'), etag)
  }
})

test('a document is made once, and again only after a method was added', async (t) => {
  const host = Fastify()
  t.after(() => host.close())
  await host.register(gateway, { config: { data_dir: await scratch(t) } })
  const { documents, rpc } = host.gateway
  const early = documents.get('openapi')
  assert.equal(documents.get('openapi'), early)
  rpc.method({ ...rpc.get('system.info')!, name: 'late.info' })
  const late = documents.get('openapi')
  assert.ok(late !== early && '/rpc/late.info' in (late.value.paths as Frame))
  await host.ready()
  assert.equal(documents.get('openapi'), late)
})

test('the documents follow auth_http, and the socket needs none of them', async (t) => {
  for (const [auth_http, status] of [
    [true, 401],
    [false, 200]
  ] as const) {
    const { url } = await build(t, { config: { server: { token: 'secret', auth_http } } })
    for (const file of ['openapi.json', 'asyncapi.json', 'openrpc.json']) {
      assert.equal((await fetch(`${url}/${file}`)).status, status, file)
      assert.equal((await fetch(`${url}/${file}`, { headers: { authorization: 'Bearer secret' } })).status, 200, file)
    }
    assert.ok((await (await connect(t, url, { token: 'secret' })).call('system.info')).version)
  }
})
