import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { Type } from '@sinclair/typebox'
import fastify from 'fastify'
import { open } from '../../../db/client.ts'
import { type GatewayDecorators, type GatewayInstance, gatewayPlugin } from '../../../plugins/define.ts'
import { Hooks } from '../../../plugins/hooks/hooks.ts'
import tools from '../../../plugins/tools/index.ts'
import type { Caller, Context, Scope } from '../../../rpc/define.ts'
import type { RpcError } from '../../../rpc/errors.ts'
import { Registry } from '../../../rpc/registry.ts'
import { Masker } from '../../../security/masking/masker.ts'
import { workLanes } from '../lanes/fixtures.ts'
import { folder, SETTINGS } from './context.ts'

interface Gateway {
  readonly app: GatewayInstance
  readonly dataDir: string
  /** A call as the registry makes it, its answer after the way over the wire. */
  call(method: string, params: object, changes?: Partial<Context>): Promise<Record<string, unknown>>
  sessions(): Promise<string[]>
}

/** The plugin with a real database, registry and lanes below it. */
async function gateway(t: TestContext, { shell = true } = {}): Promise<Gateway> {
  const dataDir = await folder(t)
  const db = await open({ file: ':memory:' })
  const rpc = new Registry()
  const limits = { workspaceBytes: 2 ** 29, memoryBytes: 2 ** 23, toolArgsBytes: 2 ** 20, toolResultBytes: 2 ** 20 }
  const config = { dataDir, limits, tools: { ...SETTINGS, shell: { enabled: shell }, web: { allow: [], allowHosts: [] } } }
  const lanes = workLanes({ clock: { now: Date.now, after: () => () => {} } })
  const sessions = { open: (id: string) => db.sessions.open(id, 1), onRemove() {} }
  const doctor = { check() {} }
  const audit = { record: (event: string, actor: string, detail = {}) => void db.audit.append({ at: 1, event, actor, detail }) }
  const hooks = new Hooks({ error() {} })
  const configStore = { masker: new Masker(), onChange() {} }
  const host = fastify()
  const app = host as unknown as GatewayInstance
  for (const [name, value] of Object.entries({ hooks, config, configStore, db, audit, rpc, lanes, sessions, doctor })) {
    const own = gatewayPlugin({ name }, async (scope) => void scope.decorate(name as keyof GatewayDecorators, value as never))
    await host.register(own)
  }
  await host.register(tools)
  await host.ready()
  t.after(() => db.close())
  t.after(() => host.close())
  return {
    app,
    dataDir,
    async call(method, params, changes = {}) {
      const ctx = {
        app,
        caller: caller('operate', 'read'),
        connection: undefined,
        log: app.log,
        signal: new AbortController().signal
      }
      const result = await rpc.call(method, params, { ...ctx, emit: () => {}, ...changes })
      return JSON.parse(rpc.encode(method, result))
    },
    sessions: async () => (await db.sessions.list({ limit: 10, offset: 0 })).rows.map(({ id }) => id)
  }
}

function caller(...scopes: Scope[]): Caller {
  return { id: 'token:test', scopes: new Set(scopes) }
}

const ALWAYS = ['file.read', 'file.write', 'file.list', 'web.fetch', 'memory.get', 'memory.put', 'memory.search']

test('the built-in tools are listed with their schemas, shell.exec only where it is enabled', async (t) => {
  const names = async (shell: boolean): Promise<string[]> => {
    const { call } = await gateway(t, { shell })
    const { tools } = (await call('tools.list', { sessionId: 'telegram:123456' })) as {
      tools: { name: string; inputSchema: object }[]
    }
    return tools.map(({ name, inputSchema }) => {
      assert.equal((inputSchema as { type?: string }).type, 'object', name)
      return name
    })
  }
  assert.deepEqual(await names(true), ['shell.exec', ...ALWAYS])
  assert.deepEqual(await names(false), ALWAYS)
})

test('a listed schema arrives whole: what the tool demands is what a client reads', async (t) => {
  const { app, call } = await gateway(t)
  const { tools } = (await call('tools.list', {})) as { tools: Record<string, unknown>[] }
  const listed = tools.map(({ confirm, elevated, ...spec }) => {
    assert.deepEqual([confirm, elevated], [false, false])
    return spec
  })
  assert.deepEqual(listed, await app.tools.specs())
})

test('a tool runs without the agent, and answers as the specification shows', async (t) => {
  const { call } = await gateway(t)
  const params = { sessionId: 'telegram:123456', tool: 'shell.exec', args: { command: "echo 'Hello'" } }
  assert.deepEqual(await call('tools.execute', params), { success: true, output: 'Hello\n' })
})

test('a tool that fails is an answer with its output', async (t) => {
  const { call } = await gateway(t)
  const params = { session: 'ws:1', tool: 'shell.exec', args: { command: 'echo partly; exit 3' } }
  assert.deepEqual(await call('tools.execute', params), { success: false, output: 'partly\n', error: 'exit code 3' })
})

test('shell.exec does not exist where it is off', async (t) => {
  const { call } = await gateway(t, { shell: false })
  await assert.rejects(call('tools.execute', { sessionId: 'ws:1', tool: 'shell.exec', args: { command: 'true' } }), { code: 2 })
})

test('a call that cannot run leaves no session and no workspace behind', async (t) => {
  const { call, dataDir, sessions } = await gateway(t)
  await assert.rejects(call('tools.execute', { sessionId: 'ws:1', tool: 'no.tool', args: {} }), { code: 2 })
  const misspelt = call('tools.execute', { sessionId: 'ws:1', tool: 'shell.exec', args: { comand: 'x' } })
  await assert.rejects(misspelt, (cause: RpcError) => {
    assert.equal(cause.code, -2)
    assert.deepEqual(
      cause.data.issues?.map(({ path }) => path),
      ['params.args.command', 'params.args.comand']
    )
    return true
  })
  assert.deepEqual(await sessions(), [])
  assert.deepEqual(await readdir(dataDir), [])
})

test('running tools directly needs the scope operate', async (t) => {
  const { call } = await gateway(t)
  const params = { sessionId: 'ws:1', tool: 'file.list' }
  await assert.rejects(call('tools.execute', params, { caller: caller('read', 'write', 'node') }), { code: -5 })
  assert.deepEqual(await call('tools.execute', params, { caller: caller('admin') }), { success: true, output: '(empty)' })
})

test('without a session the one of the connection is meant; without a connection there is none to mean', async (t) => {
  const { call, sessions, dataDir } = await gateway(t)
  const connection = { id: 'c1', sessionId: 'ws:c1', events: new Set<string>(), close() {}, onClose() {} }
  await call('tools.execute', { tool: 'file.write', args: { path: 'a', content: 'x' } }, { connection })
  assert.deepEqual(await sessions(), ['ws:c1'])
  assert.equal((await readdir(join(dataDir, 'workspaces'))).length, 1)
  await assert.rejects(call('tools.execute', { tool: 'file.list' }), { code: -2, message: /^params\.sessionId is required/ })
})

test('sessions do not see the files of each other', async (t) => {
  const { call } = await gateway(t)
  await call('tools.execute', { sessionId: 'ws:1', tool: 'file.write', args: { path: 'a', content: 'mine' } })
  const other = await call('tools.execute', { sessionId: 'ws:2', tool: 'file.read', args: { path: 'a' } })
  assert.deepEqual(other, { success: false, output: '', error: "'a' does not exist" })
})

test('attachments of a tool reach the client', async (t) => {
  const { app, call } = await gateway(t)
  const attachments = [{ mimeType: 'image/png', data: 'AAAA', filename: 'a.png' }]
  app.tools.add({
    name: 'test.picture',
    description: '',
    input: Type.Object({}),
    run: async () => ({ output: 'a picture', attachments })
  })
  assert.deepEqual(await call('tools.execute', { sessionId: 'ws:1', tool: 'test.picture' }), {
    success: true,
    output: 'a picture',
    attachments
  })
})
