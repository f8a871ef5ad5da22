import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import test, { type TestContext } from 'node:test'
import { Ajv } from 'ajv'
import { ERRORS } from '../../rpc/errors.ts'
import { build, connect, type Frame } from '../helper.ts'
import { probes } from '../protocol/probes.ts'
import { checkerOf, references, target } from './documents.ts'

// The types of the first are those of its documents, not of what it exports.
const require = createRequire(import.meta.url)
const { openrpcDocument } = require('@open-rpc/meta-schema') as { openrpcDocument: Record<string, unknown> }
const draft07 = require('ajv/dist/refs/json-schema-draft-07.json') as { definitions: object }

async function discovered(t: TestContext): Promise<Frame> {
  const { url } = await build(t, { plugins: [probes] })
  return await (await connect(t, url)).call('rpc.discover')
}

test('rpc.discover, its HTTP route and GET /openrpc.json answer the same document', async (t) => {
  const { url } = await build(t)
  const document = await (await connect(t, url)).call('rpc.discover')
  const response = await fetch(`${url}/openrpc.json`)
  assert.match(response.headers.get('content-type')!, /^application\/json/)
  assert.deepEqual(await response.json(), document)
  const posted = await fetch(`${url}/rpc/rpc.discover`, { method: 'POST' })
  assert.deepEqual(await posted.json(), { result: document })
})

test('/openrpc.json follows auth_http, as rpc.discover follows its scope', async (t) => {
  const { url } = await build(t, { config: { server: { token: 'secret' } } })
  const response = await fetch(`${url}/openrpc.json`)
  assert.equal(response.status, 401)
  assert.equal(((await response.json()) as Frame).error.code, -4)
})

/** The meta-schema refers to that of JSON Schema by an address; here it is the copy that comes with ajv. */
function openrpcValidator() {
  const ajv = new Ajv({ strict: false, allErrors: true })
  const definitions = { ...draft07.definitions, JSONSchemaObject: draft07 }
  const address = 'https://meta.json-schema.tools'
  ajv.addSchema({ ...draft07, $id: `${address}/`, definitions })
  ajv.addSchema({ $ref: `${address}/` }, address)
  const { $schema: _, ...schema } = openrpcDocument
  return ajv.compile(schema)
}

test('the document is a valid OpenRPC document, and each of its schemas is JSON Schema', async (t) => {
  const validate = openrpcValidator()
  assert.ok(validate(await discovered(t)), JSON.stringify(validate.errors))
})

test('the meta-schema is really applied: a document without a title, or with a schema that is none, is refused', async (t) => {
  const validate = openrpcValidator()
  const document = await discovered(t)
  assert.equal(validate({ ...document, info: { version: '1' } }), false)
  const broken = structuredClone(document)
  broken.methods[0].result.schema = { type: 'nonsense' }
  assert.equal(validate(broken), false)
})

test('every method of the registry is in the document with its scope, those of plugins too', async (t) => {
  const { url, app } = await build(t, { plugins: [probes] })
  const { methods } = await (await connect(t, url)).call('rpc.discover')
  assert.deepEqual(
    methods.map((method: Frame) => [method.name, method.summary, method['x-scope']]),
    app.rpc.list().map(({ name, summary, scope }) => [name, summary, scope])
  )
  assert.ok(methods.some(({ name }: Frame) => name === 'probe.fail'))
})

test('every type of params, results and components has a title of its own', async (t) => {
  const { methods, components } = await discovered(t)
  const written = [
    ...methods.flatMap(({ params, result }: Frame) => [...params, result].map(({ schema }: Frame) => schema)),
    ...Object.values(components.schemas)
  ].filter((schema: Frame) => !('$ref' in schema))
  const titles = written.map(({ title }: Frame) => title)
  assert.ok(titles.every((title) => /^[A-Z][A-Za-z0-9]*$/.test(title)))
  assert.equal(new Set(titles).size, titles.length)
  assert.ok(titles.includes('SystemAuditLimit') && titles.includes('SystemAuditResult') && titles.includes('Artifact'))
})

test('required params stand before the optional ones', async (t) => {
  const { methods } = await discovered(t)
  for (const { name, params } of methods) {
    const required = params.map((param: Frame) => param.required)
    assert.deepEqual(
      required,
      [...required].sort((one, other) => Number(other) - Number(one)),
      name
    )
  }
  assert.ok(methods.some(({ params }: Frame) => params.some((param: Frame) => param.required)))
})

test('schemas hold nothing but JSON Schema: no hints for messages, no marks of the library they are written with', async (t) => {
  const document = await discovered(t)
  const checker = checkerOf(document)
  for (const { name, params, result, 'x-events': events = {} } of document.methods) {
    for (const { name: param, schema } of params) assert.doesNotThrow(() => checker(schema), `${name} ${param}`)
    assert.doesNotThrow(() => checker(result.schema), name)
    for (const [event, schema] of Object.entries<Frame>(events)) assert.doesNotThrow(() => checker(schema), event)
  }
  for (const schema of Object.values<Frame>(document['x-extension-events'])) assert.doesNotThrow(() => checker(schema))
  assert.doesNotMatch(JSON.stringify(document), /"expected":/)
})

test('a schema that several methods share is written once, and every reference points at something', async (t) => {
  const document = await discovered(t)
  const found = new Set(references(document))
  for (const $ref of found) target(document, $ref)
  for (const name of Object.keys(document.components.schemas)) assert.ok(found.has(`#/components/schemas/${name}`), name)
  assert.ok(found.has('#/components/schemas/SessionId'))
})

test('every example is valid by the schemas of its own method', async (t) => {
  const document = await discovered(t)
  const { methods } = document
  const checker = checkerOf(document)
  let seen = 0
  for (const { name, params, result, examples } of methods) {
    for (const example of examples) {
      seen++
      for (const { name: param, value } of example.params) {
        const { schema } = params.find((descriptor: Frame) => descriptor.name === param) ?? {}
        assert.ok(schema, `${name}: no param ${param}`)
        assert.equal(checker(schema)(value), undefined, `${name} ${param}`)
      }
      for (const { name: param } of params.filter(({ required }: Frame) => required)) {
        assert.ok(
          example.params.some((given: Frame) => given.name === param),
          `${name}: the example lacks ${param}`
        )
      }
      assert.equal(checker(result.schema)(example.result.value), undefined, `${name} result`)
    }
  }
  assert.ok(seen >= 9, `${seen} examples`)
})

test('every event a method streams is there with its schema', async (t) => {
  const { url, app } = await build(t)
  const { methods } = await (await connect(t, url)).call('rpc.discover')
  for (const { name, 'x-events': events = {} } of methods) {
    assert.deepEqual(Object.keys(events), Object.keys(app.rpc.get(name)?.events ?? {}), name)
  }
  assert.ok(methods.some((method: Frame) => 'done' in (method['x-events'] ?? {})))
})

test('every error of the table is there, and each method has those it can answer', async (t) => {
  const { methods, components } = await discovered(t)
  assert.deepEqual(
    Object.values(components.errors),
    Object.entries(ERRORS).map(([message, { code, jsonrpc }]) => ({ code: jsonrpc, message, data: { code } }))
  )
  const errorsOf = (wanted: string): string[] =>
    methods
      .find(({ name }: Frame) => name === wanted)
      .errors.map(({ $ref }: Frame) => {
        const name = $ref.replace('#/components/errors/', '')
        assert.ok(components.errors[name], name)
        return name
      })
  const common = ['ParseError', 'InvalidRequest', 'AuthRequired', 'AuthFailed', 'AgentBusy', 'InternalError']
  for (const { name } of methods)
    assert.deepEqual(
      common.filter((error) => !errorsOf(name).includes(error)),
      [],
      name
    )
  assert.deepEqual(errorsOf('system.info'), common)
  assert.ok(errorsOf('sessions.get').includes('SessionNotFound'))
  assert.ok(errorsOf('tools.execute').includes('ToolNotFound'))
})

test('an extension is marked as one, and the servers know where the gateway is mounted', async (t) => {
  const { url } = await build(t, { prefix: '/agent' })
  const { methods, servers } = await (await connect(t, `${url}/`)).call('rpc.discover')
  const marked = methods.filter((method: Frame) => method['x-extension']).map(({ name }: Frame) => name)
  assert.ok(marked.includes('rpc.discover') && !marked.includes('agent.send'))
  assert.deepEqual(
    servers.map((server: Frame) => server.url.replace(/\$\{host\}/, server.variables.host.default)),
    ['ws://127.0.0.1:18800/agent', 'wss://127.0.0.1:18800/agent']
  )
})
