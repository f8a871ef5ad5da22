import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import test, { type TestContext } from 'node:test'
import { Ajv } from 'ajv'
import { CLOSE } from '../../rpc/connection.ts'
import { CLOSE_CODES } from '../../rpc/documents/closing.ts'
import { build, connect, type Frame } from '../helper.ts'
import { probes } from '../protocol/probes.ts'
import { checkerOf, references, target } from './documents.ts'

const require = createRequire(import.meta.url)
const specification = require('@asyncapi/specs/schemas/3.0.0-without-$id.json') as Record<string, unknown>

async function asyncapi(url: string): Promise<Frame> {
  return (await (await fetch(`${url}/asyncapi.json`)).json()) as Frame
}

function validator() {
  return new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(specification)
}

async function documentOf(t: TestContext, options = {}): Promise<Frame> {
  return await asyncapi((await build(t, options)).url)
}

test('the document is valid AsyncAPI 3.0, alone, under a prefix, and with methods of others', async (t) => {
  const validate = validator()
  for (const options of [{}, { prefix: '/agent' }, { plugins: [probes] }]) {
    assert.ok(validate(await documentOf(t, options)), JSON.stringify(validate.errors))
  }
})

test('the schema is really applied: a document without a title, or an operation that does nothing, is refused', async (t) => {
  const validate = validator()
  const document = await documentOf(t)
  assert.equal(validate({ ...document, info: { version: '1' } }), false)
  const broken = structuredClone(document)
  broken.operations['agent.send'].action = 'nothing'
  assert.equal(validate(broken), false)
})

test('every reference points at something, and every payload is JSON Schema and nothing else', async (t) => {
  const document = await documentOf(t, { plugins: [probes] })
  for (const $ref of references(document)) target(document, $ref)
  const checker = checkerOf(document)
  for (const { name, payload } of Object.values<Frame>(document.components.messages)) {
    assert.doesNotThrow(() => checker(payload), name)
  }
  assert.doesNotMatch(JSON.stringify(document), /"expected":/)
})

test('the servers are where the gateway is mounted, and say how to be let in', async (t) => {
  const { servers, components } = await documentOf(t, { prefix: '/agent' })
  assert.deepEqual([servers.ws.protocol, servers.ws.pathname], ['ws', '/agent'])
  assert.deepEqual([servers.wss.protocol, servers.wss.pathname], ['wss', '/agent'])
  assert.deepEqual(Object.keys(components.securitySchemes), ['bearer', 'subprotocol', 'cookie'])
  assert.equal(servers.ws.security.length, 3)
  const root = await documentOf(t)
  assert.equal(root.servers.ws.pathname, '/')
})

test('every method is an operation the gateway receives, with its result, its events and errors as replies', async (t) => {
  const { url, app } = await build(t, { plugins: [probes] })
  const { operations } = await asyncapi(url)
  for (const { name, scope, events = {} } of app.rpc.list()) {
    const { action, messages, reply, 'x-scope': needs } = operations[name]
    const named = (list: Frame[]) => list.map(({ $ref }) => $ref.replace('#/channels/socket/messages/', ''))
    assert.deepEqual([action, named(messages), needs], ['receive', [`${name}.request`], scope])
    assert.deepEqual(
      named(reply.messages),
      [...Object.keys(events).map((event) => `event.${event}`), `${name}.result`, 'error'],
      name
    )
  }
})

test('every event of a method and every extension event is an operation the gateway sends', async (t) => {
  const { url, app } = await build(t)
  const { operations } = await asyncapi(url)
  const events = new Set([
    ...app.rpc.list().flatMap(({ events = {} }) => Object.keys(events)),
    ...app.rpc.events().map(({ name }) => name)
  ])
  assert.deepEqual(
    Object.entries<Frame>(operations)
      .filter(([name, { action }]) => action === 'send' && name.startsWith('event.'))
      .map(([name]) => name)
      .sort(),
    [...events].map((event) => `event.${event}`).sort()
  )
})

test('every code the gateway closes a socket with is told', async (t) => {
  const { channels } = await documentOf(t)
  const told: unknown[] = channels.socket['x-close-codes'].map(({ code }: Frame) => code)
  assert.deepEqual(
    told,
    CLOSE_CODES.map(({ code }) => code as number)
  )
  for (const code of [1000, ...Object.values(CLOSE)]) assert.ok(told.includes(code), String(code))
})

test('the frames on the wire are those of the document, in both dialects', async (t) => {
  const { url } = await build(t)
  const document = await asyncapi(url)
  const checker = checkerOf(document)
  const check = (name: string, frame: unknown): void =>
    assert.equal(checker(document.components.messages[name].payload)(frame), undefined, name)

  const client = await connect(t, url)
  await client.call('system.hello', { events: ['accepted'] })
  const asked = { id: 7, method: 'agent.send', params: { message: '/tool file.list {}', sessionId: 'cli:me' } }
  check('agent.send.request', asked)
  client.send(asked)
  check('agent.send.result', await client.final(7))
  const events = client.events(7)
  assert.ok(events.some(({ event }) => event === 'tool_end') && events.some(({ event }) => event === 'accepted'))
  for (const event of events) check(`event.${event.event}`, event)
  check('error', await client.final(client.start('sessions.get', { sessionId: 'cli:nobody' })))
  client.send('nonsense')
  check('error', await client.frame(({ id }) => id === null))

  const strict = await connect(t, url, { dialect: '2.0' })
  const request = { jsonrpc: '2.0', id: 'a', method: 'agent.send', params: { message: 'Hello', sessionId: 'cli:you' } }
  check('jsonrpc.request', request)
  strict.send(request)
  check('jsonrpc.result', await strict.frame(({ id }) => id === 'a'))
  for (const frame of strict.frames.filter(({ method }) => method === 'event')) check('jsonrpc.event', frame)
  assert.ok(strict.frames.some(({ method }) => method === 'event'))
  check('jsonrpc.error', await strict.final(strict.start('nothing.here')))
  const batch = ['b', 'c'].map((id) => ({ jsonrpc: '2.0', id, method: 'system.info' }))
  check('jsonrpc.request', batch)
  strict.send(batch)
  check('jsonrpc.batch', await strict.frame((frame) => Array.isArray(frame)))
})

test('every example is valid by the payload it is an example of', async (t) => {
  const document = await documentOf(t)
  const checker = checkerOf(document)
  const examples = Object.values<Frame>(document.components.messages).flatMap(({ name, payload, examples = [] }) =>
    examples.map((example: Frame) => [name, checker(payload)(example.payload)])
  )
  assert.ok(examples.length >= 18)
  for (const [name, problem] of examples) assert.equal(problem, undefined, name)
})
