import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { TSchema } from '@sinclair/typebox'
import { type AnyMethod, SCOPES, type Scope } from '../../rpc/define.ts'
import { build, connect, type Frame, type TestGateway } from '../helper.ts'
import { FIXTURES } from '../protocol/fixtures.ts'
import { post } from '../routes/post.ts'
import { assertTable } from './tables.ts'

/** Methods that the specification names without an example. */
const WITHOUT_EXAMPLE = [
  'agent.cancel',
  'canvas.clear',
  'canvas.delete',
  'canvas.get',
  'canvas.list',
  'node.capabilities.get',
  'node.location.get',
  'system.location',
  'system.nodes'
]
/** Methods that this gateway adds to the specification's. */
const EXTENSIONS = [
  'node.invoke',
  'node.result',
  'pairing.redeem',
  'pairing.revoke',
  'queue.cancel',
  'queue.clear',
  'queue.get',
  'rpc.discover',
  'sessions.resume',
  'sessions.subscribe',
  'sessions.unsubscribe',
  'system.audit',
  'system.hello'
]

async function methodsOf(t: TestContext): Promise<AnyMethod[]> {
  const { app } = await build(t)
  return app.rpc.list().sort((one, other) => (one.name < other.name ? -1 : 1))
}

test('every method has a scope of the list, and a summary that is one line without a full stop', async (t) => {
  for (const { name, scope, summary } of await methodsOf(t)) {
    assert.ok([...SCOPES, 'any'].includes(scope), name)
    assert.match(summary, /^[A-Z].*[^.\s]$/, name)
  }
})

test('every method has its row in rpc/README.md, and there are no others', async (t) => {
  const rows = (await methodsOf(t)).map(({ name, scope, summary }) => [`\`${name}\``, `\`${scope}\``, summary])
  assertTable('rpc/README.md', 'Methods', rows)
})

test('every method has a fixture of the specification, or its place among those without', async (t) => {
  const names = (await methodsOf(t)).map(({ name }) => name)
  const fixtures = [...FIXTURES].filter(([name, { request }]) => request?.method === name).map(([name]) => name)
  assert.deepEqual(names, [...fixtures, ...WITHOUT_EXAMPLE, ...EXTENSIONS].sort())
})

test('every method is in the OpenRPC document', async (t) => {
  const { url, app } = await build(t)
  const { methods } = await (await connect(t, url)).call('rpc.discover')
  assert.deepEqual(
    methods.map(({ name }: Frame) => name),
    app.rpc.list().map(({ name }) => name)
  )
})

test('every method answers at its HTTP route, and only to POST', async (t) => {
  const { url, app } = await build(t)
  for (const { name } of app.rpc.list()) {
    const { status, json } = await post(url, name, {})
    assert.notEqual(json.error?.code, -3, name)
    assert.ok('result' in json || status >= 400, name)
    assert.equal((await fetch(`${url}/rpc/${name}`)).status, 404, name)
  }
})

test('params are closed: at every level but in free-form objects, what is not known is refused', async (t) => {
  for (const { name, params } of await methodsOf(t)) {
    for (const schema of objectsIn(params)) assert.equal(schema.additionalProperties, false, `${name}: ${JSON.stringify(schema)}`)
  }
})

test('a param that is not known is refused over each transport', async (t) => {
  const { url, app } = await build(t)
  const client = await connect(t, url)
  for (const { name } of app.rpc.list()) {
    const frame = await client.final(client.start(name, { nonsense: 1 }))
    assert.equal(frame.error?.code, -2, name)
    assert.ok(
      frame.error.data.issues.some(({ path }: Frame) => path === 'params.nonsense'),
      name
    )
    const { status, json } = await post(url, name, { nonsense: 1 })
    assert.deepEqual([status, json.error.code], [400, -2], name)
  }
})

/** The schemas of objects with named properties in a schema, itself included. */
function objectsIn(schema: TSchema): TSchema[] {
  const inside = [...Object.values(schema.properties ?? {}), ...(schema.anyOf ?? []), ...(schema.items ? [schema.items] : [])]
  return [...(schema.properties ? [schema] : []), ...(inside as TSchema[]).flatMap(objectsIn)]
}

const tokenOf = (scope: Scope): string => `token-of-${scope}`

/** One credential a scope; `server.token` has all of them. */
function guarded(t: TestContext): Promise<TestGateway> {
  const tokens = SCOPES.map((scope) => ({ name: scope, token: tokenOf(scope), scopes: [scope] }))
  return build(t, { config: { server: { token: 'token-of-all', tokens } } })
}

/** What a credential with that scope may do, said apart from the code that decides it. */
function mayCall(scope: Scope, { scope: required }: AnyMethod): boolean {
  return scope === 'admin' || required === 'any' || required === scope
}

function assertCell(error: Frame | undefined, allowed: boolean, cell: string): void {
  if (allowed) assert.ok(error?.code !== -4 && error?.code !== -5, `${cell}: ${JSON.stringify(error)}`)
  else assert.equal(error?.code, -5, `${cell}: ${JSON.stringify(error)}`)
}

for (const scope of SCOPES) {
  test(`with the scope ${scope} alone, each method answers as it should over each transport`, async (t) => {
    const { url, app } = await guarded(t)
    const token = tokenOf(scope)
    for (const method of app.rpc.list()) {
      const allowed = mayCall(scope, method)
      for (const dialect of ['native', '2.0'] as const) {
        // One connection each: a method may close it.
        const client = await connect(t, url, { token, dialect })
        const { error } = await client.final(client.start(method.name))
        assertCell(error && (dialect === 'native' ? error : error.data), allowed, `${method.name} over ${dialect}`)
        client.socket.close()
      }
      for (const accept of ['application/json', 'application/x-ndjson']) {
        const { status, json } = await post(url, method.name, {}, { token, accept })
        assertCell(json.error, allowed, `${method.name} over HTTP`)
        if (!allowed) assert.equal(status, 403, method.name)
      }
    }
  })
}

test('server.token may call every method', async (t) => {
  const { url, app } = await guarded(t)
  for (const method of app.rpc.list()) {
    const client = await connect(t, url, { token: 'token-of-all' })
    assertCell((await client.final(client.start(method.name))).error, true, method.name)
  }
})

test('without a credential, and with a wrong one, no method answers over HTTP', async (t) => {
  const { host, app } = await guarded(t)
  let address = 0
  for (const { name } of app.rpc.list()) {
    for (const [authorization, code] of [
      [undefined, -4],
      ['Bearer wrong', -5],
      [`Basic ${btoa('user:token-of-all')}`, -5]
    ] as const) {
      const answer = await host.inject({
        method: 'POST',
        url: `/rpc/${name}`,
        payload: {},
        ...(authorization ? { headers: { authorization } } : {}),
        // Each from elsewhere: ten wrong ones lock an address out.
        remoteAddress: `192.0.2.${++address}`
      })
      assert.deepEqual([answer.statusCode, answer.json().error.code], [401, code], `${name} ${authorization}`)
    }
  }
})

test('without a credential, and with a wrong one, no method answers over a socket', async (t) => {
  const { url, app } = await guarded(t)
  for (const [token, code] of [
    [undefined, -4],
    ['wrong', -5]
  ] as const) {
    const client = await connect(t, url, token ? { token } : {})
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
