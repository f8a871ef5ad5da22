import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import test, { type TestContext } from 'node:test'
import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import gateway from '../../app.ts'
import { gatewayPlugin } from '../../plugins/define.ts'
import { MAX_DEPTH } from '../../rpc/json.ts'
import { build, type Frame, scratch } from '../helper.ts'
import { probes } from '../protocol/probes.ts'
import { type Posted, post } from './post.ts'

const NDJSON = 'application/x-ndjson'

function assertRefused({ status, json }: Posted, expected: { status: number; code: number; message?: RegExp }): void {
  assert.deepEqual([status, json.error?.code], [expected.status, expected.code], JSON.stringify(json))
  assert.deepEqual(Object.keys(json), ['error'])
  assert.equal(typeof json.error.data.retryable, 'boolean')
  if (expected.message) assert.match(json.error.message, expected.message)
}

test('a method answers POST with its result, its params in the body', async (t) => {
  const { url } = await build(t)
  const created = await post(url, 'sessions.create', { sessionId: 'http:test' })
  assert.equal(created.status, 200)
  assert.match(created.headers.get('content-type')!, /^application\/json/)
  assert.deepEqual(created.json, { result: { sessionId: 'http:test', created: true } })
  assert.deepEqual((await post(url, 'sessions.create', { session: 'http:test' })).json.result.created, false)
})

test('no body, an empty body and an empty object are the same', async (t) => {
  const { url } = await build(t)
  for (const answer of [
    await post(url, 'system.info'),
    await post(url, 'system.info', undefined, { body: '' }),
    await post(url, 'system.info', {}),
    await post(url, 'system.info', {}, { contentType: 'application/json; charset=utf-8' })
  ]) {
    assert.equal(answer.status, 200)
    assert.equal(answer.json.result.version, '0.1.0')
  }
})

test('a body of unknown or of another content type is refused', async (t) => {
  const { url } = await build(t)
  for (const contentType of [null, 'application/x-www-form-urlencoded', 'application/jsonp', 'multipart/form-data; boundary=x']) {
    assertRefused(await post(url, 'sessions.create', { sessionId: 'a:b' }, { contentType }), { status: 415, code: -2 })
  }
  // Fastify reads text by itself; it is no object.
  assertRefused(await post(url, 'sessions.create', { sessionId: 'a:b' }, { contentType: 'text/plain' }), {
    status: 400,
    code: -2
  })
  assert.deepEqual((await post(url, 'sessions.list')).json.result.total, 0)
})

test('what is no JSON, or too deep, is a parse error', async (t) => {
  const { url } = await build(t)
  for (const body of ['{', '{"a":}', 'nonsense', '{"a":1}{"b":2}', "{'a':1}", '\u0000'] as const) {
    assertRefused(await post(url, 'system.info', undefined, { body }), { status: 400, code: -1, message: /^Parse error/ })
  }
  const nested = (levels: number) => `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`
  const tooDeep = await post(url, 'tools.execute', undefined, { body: nested(MAX_DEPTH + 1) })
  assertRefused(tooDeep, { status: 400, code: -1, message: /nested deeper than 64 levels/ })
  assertRefused(await post(url, 'tools.execute', undefined, { body: nested(MAX_DEPTH) }), { status: 400, code: -2 })
})

test('keys that reach a prototype are refused wherever they stand, and however they are written', async (t) => {
  const { url } = await build(t)
  for (const body of [
    '{"__proto__":{"admin":true}}',
    '{"sessionId":"a:b","constructor":{"prototype":{"admin":true}}}',
    String.raw`{"\u005f_proto__":{}}`
  ]) {
    assertRefused(await post(url, 'sessions.create', undefined, { body }), { status: 400, code: -2, message: /is not allowed/ })
  }
  const inside = '{"tool":"file.list","args":{"a":[{"__proto__":1}]}}'
  assertRefused(await post(url, 'tools.execute', undefined, { body: inside }), { status: 400, code: -2 })
  assert.equal(({} as Frame).admin, undefined)
})

test('params that are wrong are refused by name, all of them at once', async (t) => {
  const { url } = await build(t)
  const answer = await post(url, 'sessions.list', { limit: 0, offset: 'x', typo: 1 })
  assertRefused(answer, { status: 400, code: -2 })
  assert.deepEqual(answer.json.error.data.issues.map(({ path }: Frame) => path).sort(), [
    'params.limit',
    'params.offset',
    'params.typo'
  ])
  assert.equal((await post(url, 'system.info', [])).status, 200, 'an empty array means no params')
  for (const params of [[1], 'text', 7, true]) assertRefused(await post(url, 'system.info', params), { status: 400, code: -2 })
})

test('a body is never coerced into what a method expects', async (t) => {
  const { url } = await build(t)
  assertRefused(await post(url, 'sessions.list', { limit: '5' }), {
    status: 400,
    code: -2,
    message: /params\.limit must be an integer/
  })
  assertRefused(await post(url, 'sessions.list', { includePersisted: 'true' }), { status: 400, code: -2 })
})

test('an unknown method is 404 in the envelope of the protocol, with and without a prefix', async (t) => {
  for (const prefix of ['', '/agent']) {
    const { url } = await build(t, { prefix })
    for (const name of ['system.nope', 'SYSTEM.INFO', 'system.info/', 'a/b', '__proto__', 'toString']) {
      assertRefused(await post(url, name, {}), { status: 404, code: -3, message: /^Unknown method: "/ })
    }
    const long = await post(url, 'x'.repeat(1000))
    assertRefused(long, { status: 404, code: -3 })
    assert.ok(long.json.error.message.length < 200)
  }
})

test('whoever has no credential does not learn which methods there are', async (t) => {
  const { url } = await build(t, { config: { server: { token: 'secret' } } })
  const [known, unknown] = [await post(url, 'system.info', {}), await post(url, 'system.nope', {})]
  assertRefused(known, { status: 401, code: -4 })
  assert.equal(unknown.text, known.text)
  assert.equal(unknown.status, known.status)
  assert.equal(known.headers.get('www-authenticate'), 'Bearer')
  assertRefused(await post(url, 'system.nope', {}, { token: 'secret' }), { status: 404, code: -3 })
})

test('a scope that is missing is told before the params are looked at', async (t) => {
  const { url } = await build(t, {
    config: { server: { token: 'secret', tokens: [{ name: 'reader', token: 'read-only', scopes: ['read'] }] } }
  })
  for (const params of [{ message: 'Hello' }, { nonsense: true }]) {
    assertRefused(await post(url, 'agent.send', params, { token: 'read-only' }), {
      status: 403,
      code: -5,
      message: /needs the scope 'write'/
    })
  }
  const streamed = await post(url, 'agent.send', { message: 'Hello' }, { token: 'read-only', accept: NDJSON })
  assertRefused(streamed, { status: 403, code: -5 })
  assert.equal((await post(url, 'sessions.list', {}, { token: 'read-only' })).json.result.total, 0)
})

test('a body over the payload limit is 413, one just below it is read', async (t) => {
  const { url } = await build(t, { config: { server: { max_payload_bytes: 2048 } } })
  const bodyOf = (bytes: number) => JSON.stringify({ message: 'x'.repeat(bytes - '{"message":""}'.length) })
  assertRefused(await post(url, 'agent.send', undefined, { body: bodyOf(2049) }), { status: 413, code: -2 })
  assert.equal((await post(url, 'agent.send', undefined, { body: bodyOf(2048) })).status, 200)
})

test('methods that are about a connection say that there is none', async (t) => {
  const { url } = await build(t)
  for (const method of ['system.disconnect', 'system.hello']) {
    assertRefused(await post(url, method, {}), { status: 400, code: -2, message: /needs a WebSocket connection/ })
  }
  for (const method of ['sessions.get', 'agent.cancel']) {
    assertRefused(await post(url, method, {}), { status: 400, code: -2, message: /params\.sessionId is required/ })
  }
})

test('agent.send without a session makes one, and answers with the result alone', async (t) => {
  const { url } = await build(t)
  const first = (await post(url, 'agent.send', { message: 'say one' })).json
  assert.deepEqual(Object.keys(first), ['result'])
  assert.equal(first.result.content, 'one')
  assert.match(first.result.sessionId, /^http:/)
  const second = (await post(url, 'agent.send', { message: 'say two' })).json
  assert.notEqual(second.result.sessionId, first.result.sessionId)
  const { history } = (await post(url, 'sessions.get', { sessionId: first.result.sessionId })).json.result
  assert.deepEqual(
    history.map(({ content }: Frame) => content),
    ['say one', 'one']
  )
})

/** Starts a streamed run that goes on until it is cancelled; its headers come with its first event. */
async function startWaiting(url: string): Promise<{ response: Response; leave: () => void }> {
  const controller = new AbortController()
  const response = await fetch(`${url}/rpc/agent.send`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: NDJSON },
    body: JSON.stringify({ message: '/tool probe.wait', sessionId: 'http:test' }),
    signal: controller.signal
  })
  return { response, leave: () => controller.abort() }
}

async function streamed(t: TestContext, message: string): Promise<{ answer: Posted; frames: Frame[] }> {
  const { url } = await build(t, { plugins: [probes], config: { tools: { shell: { enabled: true } } } })
  const answer = await post(url, 'agent.send', { message, sessionId: 'http:test' }, { accept: `text/html, ${NDJSON};q=0.9` })
  const lines = answer.text.split('\n')
  assert.equal(lines.pop(), '', 'the last line ends as well')
  return { answer, frames: lines.map((line) => JSON.parse(line)) }
}

test('agent.send streams NDJSON: one frame a line, in order, numbered without a gap, the result last', async (t) => {
  const { answer, frames } = await streamed(t, '/tool shell.exec {"command":"echo Hello"}')
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('content-type'), NDJSON)
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  const { result } = frames.pop()!
  assert.deepEqual(
    frames.map(({ seq }) => seq),
    frames.map((_frame, index) => index + 1)
  )
  assert.ok(frames.every(({ id, sessionId, runId }) => id === null && sessionId === 'http:test' && runId === result.runId))
  const events = frames.map(({ event }) => event)
  assert.deepEqual(events.slice(0, 2), ['tool_start', 'tool_end'])
  assert.equal(events.at(-1), 'done')
  assert.deepEqual(new Set(events.slice(2, -1)), new Set(['content']))
  assert.equal(
    frames
      .filter(({ event }) => event === 'content')
      .map(({ data }) => data.text)
      .join(''),
    result.content
  )
  assert.match(result.content, /Hello/)
})

test('an error before the first event keeps its HTTP status, also for those who asked for a stream', async (t) => {
  const { url } = await build(t)
  for (const params of [{ message: '' }, {}, { message: 'Hello', attachments: [{ mimeType: 'image/png', data: 'AAAA' }] }]) {
    const answer = await post(url, 'agent.send', params, { accept: NDJSON })
    assert.match(answer.headers.get('content-type')!, /^application\/json/)
    assertRefused(answer, { status: 400, code: -2 })
  }
  assert.deepEqual((await post(url, 'sessions.list')).json.result.total, 0)
})

test('a run that is cancelled while it streams ends with the error event and the error', async (t) => {
  const { url } = await build(t, { plugins: [probes] })
  const { response } = await startWaiting(url)
  assert.deepEqual((await post(url, 'agent.cancel', { sessionId: 'http:test' })).json, { result: { cancelled: true } })
  const frames = (await response.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Frame)
  const final = frames.pop()!
  assert.equal(response.status, 200)
  assert.deepEqual(
    frames.map(({ event, seq }) => [event, seq]),
    [
      ['tool_start', 1],
      ['error', 2]
    ]
  )
  assert.deepEqual([final.id, final.error.code, final.error.message], [null, 4, 'Request cancelled by client'])
})

test('a method without events answers JSON whatever is accepted', async (t) => {
  const { url } = await build(t)
  const answer = await post(url, 'system.info', {}, { accept: NDJSON })
  assert.match(answer.headers.get('content-type')!, /^application\/json/)
  assert.equal(answer.json.result.version, '0.1.0')
})

test('a client that leaves in the middle of a stream does not stop the run', async (t) => {
  const { url, app } = await build(t, { plugins: [probes] })
  const connected = once(app.server, 'connection') as Promise<[Socket]>
  const { leave } = await startWaiting(url)
  const [socket] = await connected
  const closed = once(socket, 'close')
  leave()
  await closed
  const { history } = (await post(url, 'sessions.get', { sessionId: 'http:test' })).json.result
  assert.equal(history[0].content, '/tool probe.wait')
  assert.deepEqual((await post(url, 'agent.cancel', { sessionId: 'http:test' })).json, { result: { cancelled: true } })
})

test('a failure that nobody foresaw is 500 and says nothing of its cause', async (t) => {
  const { url } = await build(t, { plugins: [probes] })
  const answer = await post(url, 'probe.fail', {})
  assertRefused(answer, { status: 500, code: 5, message: /^Internal error/ })
  assert.doesNotMatch(answer.text, /secret|sk-live|ENOENT|at .*\.ts/)
})

test('a failure that nobody foresaw in the middle of a stream ends it with the error, and its cause is logged', async (t) => {
  const log: string[] = []
  const host = Fastify({ logger: { stream: { write: (line: string) => log.push(line) } }, forceCloseConnections: true })
  const config = { data_dir: await scratch(t) }
  await host.register(gateway, { plugins: [probes], config })
  t.after(() => host.close())
  const answer = await post(await host.listen({ port: 0, host: '127.0.0.1' }), 'probe.breakOff', {}, { accept: NDJSON })
  const [event, final] = answer.text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Frame)
  assert.equal(event!.event, 'begun')
  assert.equal(final!.error.code, 5)
  assert.doesNotMatch(answer.text, /secret|sk-live/)
  assert.ok(log.some((line) => line.includes('a method failed') && line.includes('ENOENT')))
})

test('a burst of events is no reason to cut off a stream that is read', async (t) => {
  const data = Buffer.alloc(300 * 1024, 'x').toString('base64')
  const attachments = Array.from({ length: 3 }, () => ({ mimeType: 'text/plain', data }))
  const plugin = gatewayPlugin({ name: 'pictures', dependencies: ['tools'] }, async (app) => {
    const input = Type.Object({}, { additionalProperties: false })
    app.tools.add({ name: 'test.files', description: 'Files', input, run: async () => ({ output: 'here', attachments }) })
  })
  const { url } = await build(t, { config: { server: { sendBufferBytes: 64 * 1024 } }, plugins: [plugin] })
  const response = await fetch(`${url}/rpc/agent.send`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/x-ndjson' },
    body: JSON.stringify({ message: '/tool test.files {}' })
  })
  const frames = (await response.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Frame)
  assert.equal(frames.filter(({ event }) => event === 'attachment').length, 3)
  assert.ok('result' in frames.at(-1)!)
})
