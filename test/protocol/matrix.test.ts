import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { TObject } from '@sinclair/typebox'
import { SCOPES, type Scope } from '../../rpc/define.ts'
import { connect, type Frame, type TestGateway } from '../helper.ts'
import { type Answer, Line, loud, TRANSPORTS } from './wire.ts'

/** What each method asks of its caller, said here a second time: who changes a definition has to mean it. */
const METHODS: Readonly<Record<Scope | 'any', readonly string[]>> = {
  any: [
    'auth.createCode',
    'auth.logins',
    'auth.revokeLogin',
    'auth.revokeLogins',
    'commands.list',
    'panels.list',

    'events.subscribe',
    'events.unsubscribe',
    'rpc.discover',
    'system.capabilities',
    'system.disconnect',
    'system.hello',
    'system.info'
  ],
  read: [
    'canvas.get',
    'canvas.list',
    'confirmations.list',
    'models.list',
    'queue.get',
    'queue.list',
    'runs.get',
    'runs.list',
    'sessions.export',
    'sessions.get',
    'sessions.list',
    'sessions.markRead',
    'sessions.resume',
    'sessions.search',
    'sessions.subscribe',
    'sessions.unsubscribe',
    'system.contextUsage',
    'system.presence',
    'system.sessionAnalytics',
    'tools.list'
  ],
  write: [
    'agent.cancel',
    'agent.confirmTool',
    'agent.retry',
    'agent.send',
    'agent.setToolUseCallback',
    'canvas.clear',
    'canvas.delete',
    'canvas.put',
    'queue.cancel',
    'queue.clear',
    'queue.update',
    'sessions.configure',
    'sessions.create',
    'sessions.delete',
    'sessions.fork',
    'sessions.update'
  ],
  node: [
    'node.capabilities.get',
    'node.location.get',
    'node.location.set',
    'node.push_token.set',
    'node.register',
    'node.result',
    'node.status.set'
  ],
  operate: [
    'channels.list',
    'mcp.list',
    'node.forget',
    'node.invoke',
    'node.push',
    'pairing.approve',
    'pairing.dismiss',
    'pairing.generate',
    'pairing.list',
    'pairing.redeem',
    'pairing.requests',
    'pairing.revoke',
    'queue.pause',
    'queue.resume',
    'system.audit',
    'system.closeConnection',
    'system.connections',
    'system.doctor',
    'system.dockerDependencies',
    'system.dockerDependencyControl',
    'system.localBackendControl',
    'system.localBackends',
    'system.location',
    'system.nodes',
    'system.metricsSeries',
    'system.observabilitySeries',
    'system.observabilitySources',
    'system.serviceLogs',
    'tools.execute'
  ],
  admin: ['config.describe', 'config.get', 'config.reload']
}

/** What each command asks of its caller, by the way it is written. All of them come with `agent.send`, which asks for `write`. */
const COMMANDS: Readonly<Record<Scope | 'any', readonly string[]>> = {
  any: ['/help', '/help queue'],
  read: ['/queue', '/status', '/model'],
  write: [
    '/queue set cap=3',
    '/queue collect',
    '/queue reset',
    '/queue nonsense',
    '/model default',
    '/model nonsense',
    '/stop',
    '/cancel',
    '/new',
    '/compact'
  ],
  node: [],
  operate: ['/elevate', '/elevate 10m', '/elevate off', '/elevate nonsense'],
  admin: []
}

/** What a credential with this scope alone may do. */
const mayDo = (scope: Scope, required: string): boolean => required === 'any' || scope === required || scope === 'admin'

const entries = (table: Readonly<Record<string, readonly string[]>>): (readonly [string, string])[] =>
  Object.entries(table).flatMap(([scope, names]) => names.map((name) => [name, scope] as const))

const REQUIRED = new Map(entries(METHODS))

const tokenOf = (scope: Scope): string => `token-of-${scope}`
const TOKEN_OF_ALL = 'token-of-all'

/** One credential a scope; `server.token` has all of them. */
async function guarded(t: TestContext): Promise<TestGateway> {
  const tokens = SCOPES.map((scope) => ({ name: scope, token: tokenOf(scope), scopes: [scope] }))
  const gateway = await loud(t, { server: { token: TOKEN_OF_ALL, tokens } })
  t.after(() => assert.deepEqual(gateway.errors, []))
  return gateway
}

test('the table of this test has every method of the gateway, with its scope, and no other', async (t) => {
  const { app } = await guarded(t)
  const defined = app.rpc.list().map(({ name, scope }) => [name, scope])
  assert.deepEqual(defined.sort(), [...REQUIRED].sort())
})

/** Served: the result, or what the method's own schema says is missing. Nothing else is right for params that are an empty object. */
function assertServed({ result, error, status }: Answer, params: TObject, cell: string): void {
  const missing = (params.required ?? [])
    .filter((name) => !('default' in params.properties[name]!))
    .map((name) => `params.${name}`)
  if (missing.length > 0) {
    assert.equal(error?.code, -2, `${cell}: ${JSON.stringify(error ?? result)}`)
    assert.deepEqual(error.data.issues.map(({ path }: Frame) => path).sort(), missing.sort(), cell)
    assert.ok(status === undefined || status === 400, cell)
    return
  }
  if (error === undefined) assert.ok(result !== undefined && (status ?? 200) === 200, cell)
  else assert.ok([-2, 1].includes(error.code) && (status ?? 400) < 500, `${cell}: ${JSON.stringify(error)}`)
}

/** Refused before anything was looked at: nothing is told of the params, and nothing of the method but its scope. */
function assertRefused({ error, status }: Answer, required: string, cell: string): void {
  assert.equal(error?.code, -5, `${cell}: ${JSON.stringify(error)}`)
  assert.match(error.message, new RegExp(`needs the scope '${required}'`), cell)
  assert.equal(error.data.issues, undefined, cell)
  assert.ok(status === undefined || status === 403, cell)
}

/** Every way to be somebody: a header, the subprotocol that browsers use, and the cookie of the dashboard. */
async function carriers(t: TestContext, url: string, token: string): Promise<Line[]> {
  const signedIn = await fetch(`${url}/auth/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token })
  })
  assert.equal(signedIn.status, 204)
  const cookie = signedIn.headers.get('set-cookie')!.split(';', 1)[0]!
  const protocols = ['flynn.v1', `bearer.${Buffer.from(token).toString('base64url')}`]
  return [
    ...TRANSPORTS.map((transport) => new Line(t, url, transport, { token })),
    new Line(t, url, 'native', { protocols }),
    new Line(t, url, 'native', { headers: { cookie } }),
    new Line(t, url, 'HTTP', { headers: { cookie } })
  ]
}

for (const scope of [...SCOPES, 'all'] as const) {
  test(`with the scope ${scope} alone, each method answers as it should over each transport`, async (t) => {
    const { url, app } = await guarded(t)
    const lines = await carriers(t, url, scope === 'all' ? TOKEN_OF_ALL : tokenOf(scope))
    for (const { name, params } of app.rpc.list()) {
      const required = REQUIRED.get(name) ?? 'no scope: it is not in the table'
      for (const [nth, line] of lines.entries()) {
        const cell = `${name} over ${line.transport} (${nth})`
        const answer = await line.ask(name, '{}')
        if (scope === 'all' || mayDo(scope, required)) assertServed(answer, params, cell)
        else assertRefused(answer, required, cell)
      }
    }
  })

  test(`with the scope ${scope} alone, a method that does not exist is told as such over each transport`, async (t) => {
    const { url } = await guarded(t)
    for (const line of await carriers(t, url, scope === 'all' ? TOKEN_OF_ALL : tokenOf(scope))) {
      const { error, status } = await line.ask('system.nothing', '{}')
      assert.equal(error?.code, -3, line.transport)
      assert.ok(status === undefined || status === 404, line.transport)
    }
  })
}

test('without a credential, and with a wrong one, no method answers over HTTP', async (t) => {
  const { host, app } = await guarded(t)
  let address = 0
  for (const name of [...app.rpc.list().map(({ name }) => name), 'system.nothing']) {
    for (const [headers, code] of [
      [{}, -4],
      [{ authorization: 'Bearer wrong' }, -5],
      [{ authorization: `Basic ${btoa(`user:${TOKEN_OF_ALL}`)}` }, -5],
      [{ cookie: 'flynn_session=default.9999999999.c2lnbmF0dXJl' }, -4]
    ] as const) {
      for (const accept of ['application/json', 'application/x-ndjson']) {
        const answer = await host.inject({
          method: 'POST',
          url: `/rpc/${name}`,
          payload: {},
          headers: { ...headers, accept },
          // Each from elsewhere: ten wrong ones lock an address out.
          remoteAddress: `192.0.${(++address >> 8) & 255}.${address & 255}`
        })
        assert.deepEqual([answer.statusCode, answer.json().error.code], [401, code], `${name} ${JSON.stringify(headers)}`)
      }
    }
  }
})

test('without a credential, and with a wrong one, no method answers over a socket', async (t) => {
  const { url, app } = await guarded(t)
  for (const [as, code] of [
    [{}, -4],
    [{ token: 'wrong' }, -5],
    [{ protocols: ['flynn.v1', 'bearer.d3Jvbmc'] }, -5],
    [{ headers: { cookie: 'flynn_session=default.9999999999.c2lnbmF0dXJl' } }, -4]
  ] as const) {
    const client = await connect(t, url, { ...as, protocols: [...('protocols' in as ? as.protocols : [])] })
    const closed = client.closed()
    for (const { name } of app.rpc.list()) {
      client.start(name)
      client.send({ jsonrpc: '2.0', id: name, method: name })
    }
    assert.equal((await closed).code, 4401)
    assert.deepEqual(
      client.frames.map(({ id, error }) => [id, error.code]),
      [[null, code]]
    )
  }
})

test('a method answers to POST alone', async (t) => {
  const { url, app } = await guarded(t)
  const headers = { authorization: `Bearer ${TOKEN_OF_ALL}` }
  for (const { name } of app.rpc.list()) {
    for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE']) {
      const { status } = await fetch(`${url}/rpc/${name}`, { method, headers })
      assert.equal(status, 404, `${method} ${name}`)
    }
  }
})

test('a param that is not known is refused over each transport', async (t) => {
  const { url, app } = await guarded(t)
  const lines = TRANSPORTS.map((transport) => new Line(t, url, transport, { token: TOKEN_OF_ALL }))
  for (const { name } of app.rpc.list()) {
    for (const line of lines) {
      const { error, status } = await line.ask(name, '{"nonsense":1}')
      const cell = `${name} over ${line.transport}`
      assert.equal(error?.code, -2, cell)
      assert.ok(
        error.data.issues.some(({ path }: Frame) => path === 'params.nonsense'),
        cell
      )
      assert.ok(status === undefined || status === 400, cell)
    }
  }
})

test('the table of this test has every command of the gateway, and no other', async (t) => {
  const { app } = await guarded(t)
  const named = new Set(entries(COMMANDS).map(([message]) => message.slice(1).split(' ', 1)[0]!))
  const registered = app.commands.list().map(({ name }) => name)
  assert.deepEqual([...named].sort(), registered.sort())
})

test('a command asks for its own scope beside that of agent.send, over each transport', async (t) => {
  const pairs = SCOPES.map((scope) => ({ name: `w-${scope}`, token: `w-${scope}`, scopes: ['write' as const, scope] }))
  const alone = SCOPES.map((scope) => ({ name: scope, token: tokenOf(scope), scopes: [scope] }))
  const gateway = await loud(t, { server: { token: TOKEN_OF_ALL, tokens: [...alone, ...pairs] } })
  const { url } = gateway
  for (const scope of SCOPES) {
    for (const transport of TRANSPORTS) {
      const single = new Line(t, url, transport, { token: tokenOf(scope) })
      const pair = new Line(t, url, transport, { token: `w-${scope}` })
      for (const [message, required] of entries(COMMANDS)) {
        const params = JSON.stringify({ message, sessionId: `test:${scope}` })
        const cell = `${message} with ${scope} over ${transport}`
        const answer = await single.ask('agent.send', params)
        if (!mayDo(scope, 'write')) assertRefused(answer, 'write', cell)
        else if (mayDo(scope, required)) assert.equal(typeof answer.result?.content, 'string', cell)
        else assertRefused(answer, required, cell)

        const both = await pair.ask('agent.send', params)
        if (mayDo('write', required) || mayDo(scope, required)) assert.equal(typeof both.result?.content, 'string', cell)
        else assertRefused(both, required, `${cell} and write`)
      }
    }
  }
  assert.deepEqual(gateway.errors, [])
})
