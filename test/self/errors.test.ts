import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import test, { type TestContext } from 'node:test'
import { MAX_IN_FLIGHT } from '../../rpc/connection.ts'
import { ERRORS, type ErrorName } from '../../rpc/errors.ts'
import { build, connect, type Frame, type TestGateway } from '../helper.ts'
import { ERROR_TABLE } from '../protocol/fixtures.ts'
import { probes } from '../protocol/probes.ts'
import { post } from '../routes/post.ts'

test("the errors are those of the specification's table", () => {
  assert.deepEqual(
    Object.entries(ERRORS).map(([name, { code }]) => ({ name, code })),
    ERROR_TABLE.map(({ name, code }) => ({ name, code }))
  )
})

test('no two errors share a code in either dialect', () => {
  for (const key of ['code', 'jsonrpc'] as const) {
    const codes = Object.values(ERRORS).map((error) => error[key])
    assert.equal(new Set(codes).size, codes.length)
  }
})

interface Provocation {
  readonly method: string
  readonly params: Record<string, unknown>
  /** Of a credential with less than every scope. */
  readonly token?: string
  /** Over HTTP, where it is not the one of the table. */
  readonly status?: number
  /** Makes it so that the call fails. */
  prepare?(gateway: TestGateway): unknown
  /** The call waits: it is cancelled once it does. */
  readonly cancelled?: true
}

const ALL = 'token-of-all'
const READER = 'token-of-the-reader'

/** A call that ends with the error, over every transport. */
const PROVOKED: { readonly [name in ErrorName]?: Provocation } = {
  InvalidRequest: { method: 'sessions.list', params: { limit: 0 } },
  MethodNotFound: { method: 'system.nope', params: {} },
  AuthFailed: { method: 'agent.send', params: { message: 'Hello' }, token: READER, status: 403 },
  SessionNotFound: { method: 'sessions.get', params: { sessionId: 'telegram:nobody' } },
  ToolNotFound: { method: 'tools.execute', params: { sessionId: 'telegram:1', tool: 'shell.nope' } },
  AgentBusy: {
    method: 'agent.send',
    params: { message: 'Hello', sessionId: 'telegram:1' },
    prepare: ({ app }) => void app.lanes.close(0),
    // At a shutdown; what overflow drops is a 429.
    status: 503
  },
  RequestCancelled: {
    method: 'agent.send',
    params: { message: '/tool probe.wait', sessionId: 'telegram:1' },
    cancelled: true
  },
  InternalError: { method: 'probe.fail', params: {} }
}

interface Guarded extends TestGateway {
  readonly bell: EventEmitter
}

async function guarded(t: TestContext): Promise<Guarded> {
  const bell = new EventEmitter()
  const tokens = [{ name: 'reader', token: READER, scopes: ['read' as const] }]
  // Nothing that waits here is worth waiting for.
  const config = { server: { token: ALL, tokens, shutdown_grace_seconds: 0 } }
  const gateway = await build(t, { plugins: [[probes, { bell }]], config })
  return { ...gateway, bell }
}

/** Runs the call; one that would wait for ever is cancelled as soon as it waits. */
async function provoke<T>({ url, bell }: Guarded, { cancelled, params }: Provocation, call: () => Promise<T>): Promise<T> {
  const waiting = cancelled && once(bell, 'waiting')
  const answer = call()
  if (waiting) {
    await waiting
    await post(url, 'agent.cancel', { sessionId: params.sessionId }, { token: ALL })
  }
  return await answer
}

for (const [name, provocation] of Object.entries(PROVOKED) as [ErrorName, Provocation][]) {
  const { method, params, token = ALL, prepare, status: expectedStatus = ERRORS[name].http } = provocation
  const { code, jsonrpc, retryable } = ERRORS[name]

  test(`${name} reaches a native client, a JSON-RPC 2.0 client and an HTTP client`, async (t) => {
    const gateway = await guarded(t)
    prepare?.(gateway)
    for (const dialect of ['native', '2.0'] as const) {
      const client = await connect(t, gateway.url, { token, dialect })
      const { error } = await provoke(gateway, provocation, () => client.final(client.start(method, params)))
      assertShown(error, retryable)
      if (dialect === 'native') assert.equal(error.code, code)
      else assert.deepEqual([error.code, error.data.code], [jsonrpc, code])
    }
    const { status, json } = await provoke(gateway, provocation, () => post(gateway.url, method, params, { token }))
    assert.deepEqual([status, json.error.code], [expectedStatus, code])
    assertShown(json.error, retryable)
  })
}

test('ParseError reaches a native client, a JSON-RPC 2.0 client and an HTTP client', async (t) => {
  const { url } = await guarded(t)
  const client = await connect(t, url, { token: ALL })
  client.send('{"id": 1, "method"')
  client.send('{"jsonrpc": "2.0", "id": 1, "method"')
  await client.frame(({ jsonrpc }) => jsonrpc === '2.0')
  const [native, strict] = client.frames
  assert.deepEqual([native!.id, native!.error.code], [null, ERRORS.ParseError.code])
  assert.deepEqual([strict!.id, strict!.error.code, strict!.error.data.code], [null, ERRORS.ParseError.jsonrpc, -1])
  const { status, json } = await post(url, 'system.info', undefined, { token: ALL, body: '{' })
  assert.deepEqual([status, json.error.code], [ERRORS.ParseError.http, -1])
})

test('AuthRequired and AuthFailed reach whoever connects without a credential and with a wrong one', async (t) => {
  const { url } = await guarded(t)
  for (const [name, token] of [
    ['AuthRequired', undefined],
    ['AuthFailed', 'wrong']
  ] as const) {
    const { code, http, retryable } = ERRORS[name]
    const credential = token === undefined ? {} : { token }
    const client = await connect(t, url, credential)
    const { error } = await client.frame(({ id }) => id === null)
    assert.equal(error.code, code)
    assertShown(error, retryable)
    const { status, json } = await post(url, 'system.info', {}, credential)
    assert.deepEqual([status, json.error.code], [http, code])
    assertShown(json.error, retryable)
  }
})

test('AgentBusy also reaches a client with too many requests under way, at once', async (t) => {
  const { url } = await guarded(t)
  const client = await connect(t, url, { token: ALL })
  for (let n = 0; n < MAX_IN_FLIGHT; n++) client.start('agent.send', { message: '/tool probe.wait', sessionId: 'telegram:1' })
  const { error } = await client.final(client.start('agent.send', { message: 'one more', sessionId: 'telegram:1' }))
  assert.equal(error.code, ERRORS.AgentBusy.code)
  assertShown(error, true)
})

test('every error of the table is provoked here', () => {
  assert.deepEqual(Object.keys(ERRORS).sort(), [...Object.keys(PROVOKED), 'ParseError', 'AuthRequired'].sort())
})

function assertShown(error: Frame, retryable: boolean): void {
  assert.match(error.message, /^\S.*\S$/)
  assert.equal(error.data.retryable, retryable)
  assert.doesNotMatch(JSON.stringify(error), /secret|sk-live|ENOENT|node_modules|\.ts\b|token-of/)
}
