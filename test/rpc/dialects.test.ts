import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { Type } from '@sinclair/typebox'
import { defineMethod, gatewayPlugin } from '../../plugins/define.ts'
import { ERRORS, type ErrorName, RpcError } from '../../rpc/errors.ts'
import { build, connect, type Frame, type TestClient } from '../helper.ts'

async function fresh(t: TestContext): Promise<TestClient> {
  return connect(t, (await build(t)).url)
}

/** Every frame that came in answer to `raw` before the one to a request sent after it. */
async function answersTo(client: TestClient, raw: unknown): Promise<Frame[]> {
  const before = client.frames.length
  client.send(raw)
  const { id } = await client.final(client.start('system.info'))
  return client.frames.slice(before).filter((frame) => frame.id !== id)
}

/** The one answer to `raw`. */
async function answerTo(client: TestClient, raw: unknown): Promise<Frame> {
  const [answer, ...more] = await answersTo(client, raw)
  assert.deepEqual(more, [])
  assert(answer, 'an answer')
  return answer
}

const strict = (id: unknown, method = 'system.info', params?: unknown) => ({ jsonrpc: '2.0', id, method, params })

test('a JSON-RPC request is answered in its dialect, under a number, a text or null', async (t) => {
  const client = await fresh(t)
  for (const id of [700, 'abc', '', '700', '"\\\u2028', null]) {
    const answer = await answerTo(client, strict(id))
    assert.deepEqual(Object.keys(answer), ['jsonrpc', 'id', 'result'])
    assert.equal(answer.jsonrpc, '2.0')
    assert.equal(answer.id, id)
  }
})

test('each frame is answered in its own dialect, on one socket', async (t) => {
  const client = await fresh(t)
  assert.equal('jsonrpc' in (await answerTo(client, strict('a'))), true)
  assert.equal('jsonrpc' in (await answerTo(client, { id: 700, method: 'system.info' })), false)
  assert.equal('jsonrpc' in (await answerTo(client, strict('a', 'no.such'))), true)
  assert.equal('jsonrpc' in (await answerTo(client, { id: 700, method: 'no.such' })), false)
})

test('a notification does its work and gets no answer, whatever becomes of it', async (t) => {
  const client = await fresh(t)
  const notify = (method: string, params?: unknown) => answersTo(client, { jsonrpc: '2.0', method, params })
  assert.deepEqual(await notify('sessions.create', { sessionId: 'quiet:1' }), [])
  assert.deepEqual(await notify('system.info'), [])
  assert.deepEqual(await notify('no.such'), [])
  assert.deepEqual(await notify('sessions.list', { limit: 'many' }), [])
  assert.deepEqual(await notify('sessions.get', { sessionId: 'no:such' }), [])
  assert.deepEqual(await notify('agent.send', { message: 'say hello', sessionId: 'quiet:1' }), [])
  // In the same lane: the message before it has been answered by then.
  const result = await client.call('agent.send', { message: 'say hello again', sessionId: 'quiet:1' })
  assert.equal(result.content, 'hello again')
  const { history } = await client.call('sessions.get', { sessionId: 'quiet:1' })
  assert.deepEqual(
    history.map(({ content }: Frame) => content),
    ['say hello', 'hello', 'say hello again', 'hello again']
  )
  assert(client.frames.every((frame) => frame.id !== undefined && frame.id !== null))
})

test('a batch is answered in one array, without what needs no answer', async (t) => {
  const client = await fresh(t)
  const answers = (await answerTo(client, [
    strict('1', 'system.info'),
    { jsonrpc: '2.0', method: 'system.info' },
    strict('2', 'sessions.list'),
    { foo: 'boo' },
    strict('5', 'no.such'),
    strict('9', 'system.capabilities')
  ])) as Frame[]
  assert(Array.isArray(answers))
  const byId = new Map(answers.map((answer) => [answer.id, answer]))
  assert.deepEqual([...byId.keys()].sort(), ['1', '2', '5', '9', null].sort())
  assert.equal(answers.length, 5)
  assert(answers.every(({ jsonrpc }) => jsonrpc === '2.0'))
  for (const id of ['1', '2', '9']) assert('result' in byId.get(id)!, id)
  assert.equal(byId.get('5')?.error.code, -32601)
  assert.equal(byId.get(null)?.error.code, -32600)
})

test('a batch of notifications only gets no answer', async (t) => {
  const client = await fresh(t)
  assert.deepEqual(
    await answersTo(client, [
      { jsonrpc: '2.0', method: 'system.info' },
      { jsonrpc: '2.0', method: 'no.such' }
    ]),
    []
  )
})

test('an empty batch is one invalid request, and a batch of garbage one for each item', async (t) => {
  const client = await fresh(t)
  const invalid = (answer: Frame): void => {
    assert.deepEqual([answer.jsonrpc, answer.id, answer.error.code, answer.error.data.code], ['2.0', null, -32600, -2])
  }
  invalid(await answerTo(client, []))
  const answers = (await answerTo(client, [1, 'x', null, [], {}])) as Frame[]
  assert.equal(answers.length, 5)
  answers.forEach(invalid)
})

test('a batch of more than a connection may have under way is refused unread', async (t) => {
  const client = await fresh(t)
  client.send(JSON.stringify(Array.from({ length: 65 }, (_, id) => ({ jsonrpc: '2.0', id, method: 'system.info' }))))
  const refused = await client.frame((frame) => frame.id === null)
  assert.equal(refused.error.code, -32600)
  assert.match(refused.error.message, /a batch holds 1 to 64 requests, this one 65/)
  assert.equal(client.frames.length, 1)
})

test('a native request has no place in a batch', async (t) => {
  const client = await fresh(t)
  const answers = (await answerTo(client, [{ id: 700, method: 'system.info' }, strict('ok')])) as Frame[]
  assert.equal(answers.length, 2)
  const refused = answers.find(({ id }) => id === null)
  assert.equal(refused?.error.code, -32600)
  assert.match(refused?.error.message, /in a batch, jsonrpc must be "2\.0"/)
  assert(answers.some((answer) => answer.id === 'ok' && 'result' in answer))
})

test('an id is used once in a batch while its request is under way', async (t) => {
  const client = await fresh(t)
  const send = strict('same', 'agent.send', { message: 'say hello' })
  client.send([send, send])
  const answers = await client.frame((frame) => Array.isArray(frame))
  assert.deepEqual(
    (answers as Frame[]).map((answer) => ('result' in answer ? answer.result.content : answer.error.data.code)).sort(),
    [-2, 'hello']
  )
})

test('the events of a run are notifications that come before the array of its batch', async (t) => {
  const client = await fresh(t)
  client.send([strict('run', 'agent.send', { message: 'say hello there', sessionId: 'batch:1' })])
  const answers = (await client.frame((frame) => Array.isArray(frame))) as Frame[]
  const [{ result }] = answers as [Frame]
  const events = client.frames.slice(0, -1)
  assert.equal(client.frames.at(-1), answers)
  for (const [index, event] of events.entries()) {
    assert.deepEqual(Object.keys(event), ['jsonrpc', 'method', 'params'])
    assert.deepEqual([event.jsonrpc, event.method], ['2.0', 'event'])
    const { id, sessionId, runId, seq } = event.params
    assert.deepEqual({ id, sessionId, runId, seq }, { id: 'run', sessionId: 'batch:1', runId: result.runId, seq: index + 1 })
  }
  assert.deepEqual(
    events.map(({ params }) => [params.event, params.data]),
    [
      ['content', { text: 'hello ' }],
      ['content', { text: 'there' }],
      ['done', { content: 'hello there' }]
    ]
  )
})

test('a JSON-RPC frame that is no request is told so in its dialect, under its id where that can be read', async (t) => {
  const client = await fresh(t)
  for (const [raw, id] of [
    [{ jsonrpc: '1.0', id: 700, method: 'system.info' }, 700],
    [{ jsonrpc: 2, id: 'a', method: 'system.info' }, 'a'],
    [{ jsonrpc: null, id: 1.5, method: 'system.info' }, null],
    [strict(1.5), null],
    [strict([]), null],
    [strict({}), null],
    [strict(true), null],
    [strict('a', 1 as never), 'a'],
    [{ jsonrpc: '2.0', id: 'a' }, 'a'],
    [{ jsonrpc: '2.0', method: 1 }, null],
    [{ jsonrpc: '2.0', id: 700, result: {} }, 700],
    [strict('a', 'system.info', 'bar'), 'a'],
    [strict('a', 'system.info', null), 'a'],
    ['{"jsonrpc":"2.0","id":"a","method":"system.info","params":{"__proto__":{}}}', 'a'],
    ['[{"jsonrpc":"2.0","id":"a","method":"system.info","params":{"constructor":{}}}]', null]
  ] as const) {
    const answer = await answerTo(client, raw)
    const { code, data } = answer.error
    assert.deepEqual([answer.jsonrpc, answer.id, code, data.code], ['2.0', id, -32600, -2], JSON.stringify(raw))
  }
})

test('a frame that cannot be parsed is answered in the dialect it claims', async (t) => {
  const client = await fresh(t)
  const deep = `${'['.repeat(100)}${']'.repeat(100)}`
  for (const raw of [
    '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
    '[{"jsonrpc":"2.0","method":"sum","id":"1"},{"jsonrpc":"2.0","method"]',
    `{"jsonrpc":"2.0","id":1,"method":"system.info","params":{"a":${deep}}}`
  ]) {
    const { jsonrpc, id, error } = await answerTo(client, raw)
    assert.deepEqual([jsonrpc, id, error.code, error.data.code], ['2.0', null, -32700, -1])
  }
  assert.deepEqual(Object.keys(await answerTo(client, '{"id":1,')), ['id', 'error'])
})

test('params by position are told to be named', async (t) => {
  const client = await fresh(t)
  const { id, error } = await answerTo(client, strict('a', 'sessions.list', [1, 2]))
  assert.deepEqual([id, error.code, error.message], ['a', -32602, 'params must be an object, got an array of 2'])
  assert.equal((await answerTo(client, strict('a', 'no.such', []))).error.code, -32601)
})

/** The error table as a client of either dialect sees it. */
const TABLE: Record<ErrorName, readonly [native: number, strict: number, retryable: boolean]> = {
  ParseError: [-1, -32700, false],
  InvalidRequest: [-2, -32602, false],
  MethodNotFound: [-3, -32601, false],
  AuthRequired: [-4, -31996, false],
  AuthFailed: [-5, -31995, false],
  SessionNotFound: [1, -32001, false],
  ToolNotFound: [2, -32002, false],
  AgentBusy: [3, -32003, true],
  RequestCancelled: [4, -32004, false],
  InternalError: [5, -32005, false]
}

test('every error has its code in both dialects, with the code of the specification in data.code', async (t) => {
  const plugin = gatewayPlugin({ name: 'failing', dependencies: ['rpc'] }, async (app) => {
    app.rpc.method(
      defineMethod({
        name: 'test.fail',
        summary: 'Fails as it is told to',
        scope: 'any',
        params: Type.Object({ kind: Type.String() }, { additionalProperties: false }),
        result: Type.Null(),
        handler({ kind }) {
          throw new RpcError(kind as ErrorName, `this is ${kind}`, { data: { hint: [1] } })
        }
      })
    )
  })
  const { url } = await build(t, { plugins: [plugin] })
  const client = await connect(t, url)
  assert.deepEqual(Object.keys(TABLE), Object.keys(ERRORS))
  for (const [kind, [native, code, retryable]] of Object.entries(TABLE)) {
    const message = `this is ${kind}`
    assert.deepEqual(await answerTo(client, { id: 700, method: 'test.fail', params: { kind } }), {
      id: 700,
      error: { code: native, message, data: { retryable, hint: [1] } }
    })
    assert.deepEqual(await answerTo(client, strict('a', 'test.fail', { kind })), {
      jsonrpc: '2.0',
      id: 'a',
      error: { code, message, data: { code: native, retryable, hint: [1] } }
    })
  }
})

test('the errors of real methods are the ones of the table', async (t) => {
  const { url } = await build(t, {
    config: {
      server: {
        tokens: [
          { name: 'reader', token: 'reads-only', scopes: ['read'] },
          { name: 'all', token: 'all', scopes: ['admin'] }
        ]
      }
    }
  })
  const [reader, all] = [await connect(t, url, { token: 'reads-only' }), await connect(t, url, { token: 'all' })]
  const codes = async (client: TestClient, method: string, params?: unknown): Promise<[number, number]> => {
    const native = client.start(method, params as Record<string, unknown>)
    client.send(strict('s', method, params))
    const finals = [await client.final(native), await client.frame(({ id, jsonrpc }) => id === 's' && jsonrpc === '2.0')] as const
    client.frames.length = 0
    return [finals[0].error.code, finals[1].error.code]
  }
  assert.deepEqual(await codes(all, 'agent.sned'), [-3, -32601])
  assert.deepEqual(await codes(all, 'agent.send', { mesage: 'hi' }), [-2, -32602])
  assert.deepEqual(await codes(reader, 'agent.send', { mesage: 'hi' }), [-5, -31995])
  assert.deepEqual(await codes(all, 'sessions.get', { sessionId: 'no:such' }), [1, -32001])
  assert.deepEqual(await codes(all, 'tools.execute', { tool: 'no.such', args: {}, sessionId: 'a:1' }), [2, -32002])
})
