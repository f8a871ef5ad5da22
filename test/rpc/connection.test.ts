import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import fc from 'fast-check'
import type { WebSocket } from 'ws'
import { defineMethod, gatewayPlugin } from '../../plugins/define.ts'
import { build, connect, type Frame, rejection, type TestClient } from '../helper.ts'

const None = Type.Object({}, { additionalProperties: false })

/** A method that answers when the test says so. */
function held() {
  const called = Promise.withResolvers<AbortSignal>()
  const answer = Promise.withResolvers<string>()
  const plugin = gatewayPlugin({ name: 'held', dependencies: ['rpc'] }, async (app) => {
    app.rpc.method(
      defineMethod({
        name: 'test.held',
        summary: 'Answers when the test says so',
        scope: 'any',
        params: None,
        result: Type.String(),
        handler(_params, { signal }) {
          called.resolve(signal)
          return answer.promise
        }
      })
    )
  })
  return { plugin, called: called.promise, answer: answer.resolve }
}

/** What the gateway answers to one raw frame: every frame that came before the answer to a request sent after it. */
async function answersTo(client: TestClient, raw: string | Buffer): Promise<Frame[]> {
  const before = client.frames.length
  client.socket.send(raw)
  const { id } = await client.final(client.start('system.info'))
  return client.frames.slice(before).filter((frame) => frame.id !== id)
}

async function fresh(t: TestContext): Promise<TestClient> {
  return connect(t, (await build(t)).url)
}

test('a request is answered with its id and its result, with or without params', async (t) => {
  const client = await fresh(t)
  client.send({ id: 7, method: 'system.info' })
  client.send({ id: -3, method: 'system.info', params: {} })
  for (const id of [7, -3]) {
    const frame = await client.final(id)
    assert.deepEqual(Object.keys(frame), ['id', 'result'])
    assert.equal(frame.result.connections, 1)
  }
})

test('an id that is missing or no integer is answered with the id null', async (t) => {
  const client = await fresh(t)
  for (const id of [
    '',
    '"id":null,',
    '"id":"7",',
    '"id":1.5,',
    '"id":true,',
    '"id":[1],',
    '"id":9007199254740993,',
    '"id":1e400,'
  ]) {
    const answers = await answersTo(client, `{${id}"method":"system.info"}`)
    assert.deepEqual(answers, [
      {
        id: null,
        error: { code: -2, message: 'Invalid request: id is required and must be an integer', data: { retryable: false } }
      }
    ])
  }
})

test('what is not JSON, empty, binary or nested too deeply is a parse error with the id null, and the connection lives on', async (t) => {
  const client = await fresh(t)
  const deep = `{"id":1,"method":"system.info","params":{"x":${'['.repeat(100)}${']'.repeat(100)}}}`
  for (const [raw, message] of [
    ['', /not valid JSON/],
    [' ', /not valid JSON/],
    ['{"id":1,"method":"system.info"', /not valid JSON/],
    ['{"id":1} {"id":2}', /not valid JSON/],
    ['hello', /not valid JSON/],
    [deep, /nested deeper than 64 levels/],
    [Buffer.from('{"id":1,"method":"system.info"}'), /frames are text, this one is binary/]
  ] as const) {
    const [answer, ...more] = await answersTo(client, raw)
    assert.deepEqual(more, [])
    assert.equal(answer?.id, null)
    assert.equal(answer?.error.code, -1)
    assert.match(answer?.error.message, message)
  }
})

test('JSON that is no request is an invalid request', async (t) => {
  const client = await fresh(t)
  for (const raw of ['1', '"agent.send"', 'null', 'true', '{}', '{"id":{}}']) {
    const [answer, ...more] = await answersTo(client, raw)
    assert.deepEqual(more, [])
    assert.deepEqual([answer?.id, answer?.error.code], [null, -2], raw)
  }
})

test('a method that is no string and params that are no object are told under the id of their request', async (t) => {
  const client = await fresh(t)
  for (const [raw, message] of [
    ['{"id":500}', /method is required and must be a string/],
    ['{"id":500,"method":null}', /method is required/],
    ['{"id":500,"method":["system.info"]}', /method is required/],
    ['{"id":500,"method":"system.info","params":[]}', /params must be an object/],
    ['{"id":500,"method":"system.info","params":null}', /params must be an object/],
    ['{"id":500,"method":"system.info","params":"x"}', /params must be an object/]
  ] as const) {
    const [answer, ...more] = await answersTo(client, raw)
    assert.deepEqual(more, [])
    assert.deepEqual([answer?.id, answer?.error.code], [500, -2], raw)
    assert.match(answer?.error.message, message)
  }
})

test('an unknown method is told by its name, also one that every object inherits', async (t) => {
  const client = await fresh(t)
  for (const method of [
    'no.such',
    '',
    'constructor',
    '__proto__',
    'toString',
    'system.info ',
    'SYSTEM.INFO',
    'x'.repeat(10_000)
  ]) {
    const error = await rejection(client.call(method))
    assert.equal(error.code, -3, method)
    assert(error.message.includes(JSON.stringify(method.slice(0, 100))), error.message)
    assert(error.message.length < 200)
  }
})

test('wrong, missing and unknown params are all named', async (t) => {
  const client = await fresh(t)
  const wrong = await rejection(client.call('sessions.list', { limit: 0, offset: 'x', limt: 1 }))
  assert.equal(wrong.code, -2)
  assert.match(wrong.message, /^params\.\w+ .*\(and 2 more\)$/)
  assert.deepEqual(
    new Set(wrong.data.issues.map(({ path }: Frame) => path)),
    new Set(['params.limit', 'params.offset', 'params.limt'])
  )
  const range = wrong.data.issues.find(({ path }: Frame) => path === 'params.limit')
  assert.equal(range.message, 'must be an integer between 1 and 500, got 0')

  const missing = await rejection(client.call('agent.send'))
  assert.match(missing.message, /^params\.message is required/)
  const alias = await rejection(client.call('sessions.get', { sessionId: 'a:1', session: 'a:2' }))
  assert.equal(alias.code, -2)
  assert.match(alias.message, /params\.session .*differ/)
  const nested = await rejection(
    client.call('agent.send', { message: 'x', attachments: [{ mimeType: 'text/plain', data: 'eA==', x: 1 }] })
  )
  assert.match(nested.message, /^params\.attachments\[0\]\.x is not known/)
})

test('a key that could reach a prototype is refused wherever it stands, under the id of its request', async (t) => {
  const client = await fresh(t)
  for (const key of ['__proto__', 'constructor', 'prototype', '\\u005f_proto__']) {
    for (const raw of [
      `{"id":900,"method":"system.info","${key}":{"polluted":1}}`,
      `{"id":900,"method":"system.info","params":{"${key}":{"polluted":1}}}`,
      `{"id":900,"method":"tools.execute","params":{"tool":"memory.put","args":{"a":[{"b":{"${key}":null}}]}}}`
    ]) {
      const [answer, ...more] = await answersTo(client, raw)
      assert.deepEqual(more, [])
      assert.deepEqual([answer?.id, answer?.error.code], [900, -2], raw)
      assert.match(answer?.error.message, /is not allowed anywhere in a request/)
    }
  }
  assert.equal(({} as Frame).polluted, undefined)
})

test('an id that is still under way cannot be used again, and can afterwards', async (t) => {
  const { plugin, called, answer } = held()
  const { url } = await build(t, { plugins: [plugin] })
  const client = await connect(t, url)
  client.send({ id: 4, method: 'test.held' })
  await called
  for (const method of ['test.held', 'system.info']) {
    const [refused] = await answersTo(client, JSON.stringify({ id: 4, method }))
    assert.deepEqual([refused?.id, refused?.error.code], [4, -2])
    assert.match(refused?.error.message, /id 4 is taken by a request that is still under way/)
  }
  answer('now')
  await client.frame((frame) => frame.id === 4 && frame.result === 'now')
  const [again] = await answersTo(client, JSON.stringify({ id: 4, method: 'system.info' }))
  assert.equal(again?.id, 4)
  assert(again && 'result' in again)
})

test('the same id on another connection is another request', async (t) => {
  const { plugin, called, answer } = held()
  const { url } = await build(t, { plugins: [plugin] })
  const [one, other] = [await connect(t, url), await connect(t, url)]
  one.send({ id: 1, method: 'test.held' })
  await called
  other.send({ id: 1, method: 'system.info' })
  assert.equal((await other.final(1)).result.connections, 2)
  answer('now')
  assert.equal((await one.final(1)).result, 'now')
})

test('a request that takes long does not hold up those after it', async (t) => {
  const { plugin, called, answer } = held()
  const { url } = await build(t, { plugins: [plugin] })
  const client = await connect(t, url)
  const slow = client.start('test.held')
  await called
  const fast = client.start('system.info')
  await client.final(fast)
  answer('at last')
  await client.final(slow)
  assert.deepEqual(
    client.frames.map(({ id }) => id),
    [fast, slow]
  )
})

test('of many runs at once the frames of each keep their order: events without a gap, done, the result', async (t) => {
  const client = await fresh(t)
  const ids = Array.from({ length: 20 }, (_, n) =>
    client.start('agent.send', { message: `say one two three ${n}`, sessionId: `x:${n % 7}` })
  )
  for (const id of ids) {
    const { result } = await client.final(id)
    const frames = client.frames.filter((frame) => frame.id === id)
    assert.deepEqual(
      frames.map((frame) => frame.event ?? Object.keys(frame)[1]),
      [...Array(frames.length - 2).fill('content'), 'done', 'result']
    )
    const events = frames.slice(0, -1)
    assert.deepEqual(
      events.map(({ seq }) => seq),
      events.map((_, index) => index + 1)
    )
    assert(events.every(({ runId, sessionId }) => runId === result.runId && sessionId === result.sessionId))
    assert.equal(
      events
        .slice(0, -1)
        .map(({ data }) => data.text)
        .join(''),
      result.content
    )
    assert.equal(events.at(-1)?.data.content, result.content)
  }
})

test('what a method throws unforeseen is an internal error that shows nothing of it', async (t) => {
  const plugin = gatewayPlugin({ name: 'broken', dependencies: ['rpc'] }, async (app) => {
    const method = { summary: 'Fails', scope: 'any' as const, params: None }
    const error = () => new Error('canary at /etc/passwd with sk-secret')
    const fail = (): never => {
      throw error()
    }
    app.rpc.method({ ...method, name: 'test.throws', result: Type.String(), handler: fail })
    app.rpc.method({ ...method, name: 'test.rejects', result: Type.String(), handler: () => Promise.reject(error()) })
    app.rpc.method({ ...method, name: 'test.wrong', result: Type.Object({ n: Type.Integer() }), handler: () => ({}) as never })
    app.rpc.method({ ...method, name: 'test.nothing', result: Type.String(), handler: () => Promise.reject(undefined) })
  })
  const { url } = await build(t, { plugins: [plugin] })
  const client = await connect(t, url)
  for (const method of ['test.throws', 'test.rejects', 'test.nothing', 'test.wrong']) {
    const { code, message, data } = await rejection(client.call(method))
    assert.deepEqual(
      { code, message, data },
      { code: 5, message: 'Internal error: the gateway could not complete the request', data: { retryable: false } }
    )
  }
  assert.equal((await client.call('system.info')).connections, 1)
})

test('a client that leaves takes its signals with it, and nothing else', async (t) => {
  const { plugin, called, answer } = held()
  const { url, app } = await build(t, { plugins: [plugin] })
  const [leaver, other] = [await connect(t, url), await connect(t, url)]
  leaver.start('test.held')
  const signal = await called
  const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve))
  leaver.socket.terminate()
  await aborted
  answer('to nobody')
  assert.equal((await other.call('system.info')).connections, 1)
  assert.equal(app.connections.size, 1)
})

test('system.disconnect is answered, then the socket closes with 1000', async (t) => {
  const client = await fresh(t)
  const closed = client.closed()
  const info = client.start('system.info')
  const id = client.start('system.disconnect')
  assert.deepEqual(await closed, { code: 1000, reason: 'system.disconnect' })
  assert.deepEqual(
    client.frames.map((frame) => [frame.id, 'result' in frame]),
    [
      [info, true],
      [id, true]
    ]
  )
})

test('after its goodbye the gateway begins nothing more that this peer asks for', async (t) => {
  const { url, app } = await build(t)
  const upgraded = Promise.withResolvers<WebSocket>()
  app.websocketServer.once('connection', upgraded.resolve)
  const client = await connect(t, url)
  const socket = await upgraded.promise
  client.socket.pause()
  app.connections.closeAll(1008, 'enough')
  while (socket.readyState === socket.OPEN) await setImmediate()
  client.start('sessions.create', { sessionId: 'late:1' })
  const closed = client.closed()
  client.socket.resume()
  assert.deepEqual(await closed, { code: 1008, reason: 'enough' })
  assert.deepEqual(client.frames, [])
  const other = await connect(t, url)
  assert.equal((await rejection(other.call('sessions.get', { sessionId: 'late:1' }))).code, 1)
})

test('a frame that is not UTF-8 closes its connection with 1007 and no other', async (t) => {
  const { url } = await build(t)
  const [broken, other] = [await connect(t, url), await connect(t, url)]
  const closed = broken.closed()
  broken.socket.send(Buffer.from([0x22, 0xff, 0xfe, 0x22]), { binary: false })
  assert.equal((await closed).code, 1007)
  await other.call('system.info')
})

test('whatever garbage comes in, each frame gets at most one answer and the gateway goes on', async (t) => {
  const client = await fresh(t)
  const value = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom('2.0', 'system.info', 'system.hello', 'a.b', '__proto__'))
  const key = fc.constantFrom('id', 'method', 'params', 'jsonrpc', 'result', 'error', '__proto__', 'constructor', 'x')
  const almost = fc.dictionary(key, value, { maxKeys: 6 })
  const mangled = fc
    .tuple(fc.constant(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'system.info', params: {} })), fc.nat(60), fc.string())
    .map(([text, at, noise]) => text.slice(0, at) + noise + text.slice(at + noise.length))
  const garbage = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    almost.map((frame) => JSON.stringify(frame)),
    fc.array(fc.oneof(almost, value), { maxLength: 8 }).map((batch) => JSON.stringify(batch)),
    mangled
  )
  // Not an id that garbage has by chance.
  let barrier = 1e9
  await fc.assert(
    fc.asyncProperty(garbage, async (raw) => {
      const before = client.frames.length
      const id = ++barrier
      client.socket.send(raw)
      client.send({ id, method: 'system.info' })
      await client.final(id)
      const answers = client.frames.slice(before, -1)
      assert(answers.length <= 1, JSON.stringify(answers))
      for (const answer of answers.flat()) {
        assert('id' in answer)
        assert('result' in answer !== 'error' in answer)
        if ('error' in answer) assert.match(String(answer.error.data.code ?? answer.error.code), /^-[123]$/)
      }
    }),
    { numRuns: 1000 }
  )
})
