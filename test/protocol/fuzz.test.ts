import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { Value } from '@sinclair/typebox/value'
import fc from 'fast-check'
import type { AnyMethod } from '../../rpc/define.ts'
import { errorsOf } from '../../rpc/documents/errors.ts'
import { ERRORS, type ErrorName } from '../../rpc/errors.ts'
import { connect, type Frame } from '../helper.ts'
import { rounds } from '../rounds.ts'
import { broken, type Known, valid } from './arbitrary.ts'
import { type Answer, Line, type LoudGateway, loud, TRANSPORTS } from './wire.ts'

/** Runs of each property, of each method. */
const VALID_RUNS = rounds(12)
const BROKEN_RUNS = rounds(24)
const RAW_RUNS = rounds(8)
/** What takes longer is taken for a hang: the property fails, and says with what. */
const HANGS_MS = 10_000

/** What params that fit the schema may be refused with, where the definition says so: what they mean is not there, or not allowed. */
const REFUSALS: readonly ErrorName[] = ['InvalidRequest', 'AuthFailed', 'SessionNotFound', 'ToolNotFound', 'AgentBusy']

/** Addresses are asked for; this one is refused. */
const URLS = ['http://127.0.0.1:1/', 'http://[::1]/x', 'file:///etc/passwd', 'http://169.254.169.254/latest']
const ONLY = new Set(['url'])

/** What properties may well be, by name: what the examples of all definitions have in properties of that name, and `more`. */
function knownOf(methods: readonly AnyMethod[], more: Readonly<Record<string, readonly unknown[]>>): Known {
  const known = new Map<string, unknown[]>(Object.entries(more).map(([name, values]) => [name, [...values]]))
  const collect = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    for (const [name, inner] of Object.entries(value)) {
      if (!Array.isArray(value)) known.set(name, [...(known.get(name) ?? []), inner])
      collect(inner)
    }
  }
  for (const { examples = [] } of methods) {
    for (const { params, result } of examples as NonNullable<AnyMethod['examples']>) collect([params, result])
  }
  return known
}

/** The gateway with something in it, its methods, and what is known there. */
async function populated(t: TestContext): Promise<LoudGateway & { known: Known; lines: Line[] }> {
  const gateway = await loud(t)
  const { app, url } = gateway
  const client = await connect(t, url)
  const sessionId = 'telegram:123456'
  await client.call('agent.send', { sessionId, message: 'Hello' })
  const { runId } = await client.call('agent.send', { sessionId, message: '/tool file.write {"path":"a.txt","content":"a"}' })
  await client.call('canvas.put', { sessionId, artifactId: 'summary-card', type: 'note', content: {} })
  const { code } = await client.call('pairing.generate', { channel: 'telegram' })
  const commands = app.commands.list().map(({ name }) => `/${name}`)
  const tools = (await app.tools.specs()).map(({ name }) => name)
  const known = knownOf(app.rpc.list(), {
    sessionId: [sessionId],
    runId: [runId],
    code: [code],
    message: [...commands, '/queue set cap=2', '/tool', ...tools.map((name) => `/tool ${name} {}`)],
    tool: tools,
    path: ['a.txt', '.', '../a', '/etc/passwd', 'a.txt/b'],
    url: URLS
  })
  return { ...gateway, known, lines: TRANSPORTS.map((transport) => new Line(t, url, transport)) }
}

/** The methods that are about the node of a connection need one. */
async function asNode(method: AnyMethod, line: Line): Promise<void> {
  if (line.overHttp || method.scope !== 'node' || method.name === 'node.register') return
  const client = await line.client()
  if (client.frames.length > 0) return
  const node = { nodeId: `fuzz-${line.transport}`, role: 'companion', protocolVersion: 1, capabilities: ['ui.canvas'] }
  await line.ask('node.register', JSON.stringify(node))
}

async function assertAlive({ errors }: LoudGateway, lines: readonly Line[]): Promise<void> {
  for (const line of lines) assert.ok((await line.ask('system.info')).result, line.transport)
  assert.deepEqual(errors, [])
}

function assertAnswered(method: AnyMethod, { result, error, status = 200 }: Answer, text: string): void {
  if (error === undefined) {
    const [problem] = Value.Errors(method.result, result)
    assert.equal(problem, undefined, `the result does not fit its schema: ${JSON.stringify(result)} to ${text}`)
    return
  }
  const allowed = errorsOf(method).filter((name) => REFUSALS.includes(name))
  assert.ok(allowed.some((name) => ERRORS[name].code === error.code) && status < 500, `${JSON.stringify(error)} to ${text}`)
  assert.ok(error.message.length > 0 && error.message.length < 2000, error.message)
}

test('params that fit the schema of a method never make it fail', async (t) => {
  const gateway = await populated(t)
  const { app, known, lines } = gateway
  for (const method of app.rpc.list()) {
    await t.test(method.name, async () => {
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...lines), valid(method.params, { known, only: ONLY }), async (line, params) => {
          await asNode(method, line)
          const text = JSON.stringify(params)
          assertAnswered(method, await line.ask(method.name, text), text)
        }),
        { numRuns: VALID_RUNS, timeout: HANGS_MS }
      )
      await assertAlive(gateway, lines)
    })
  }
})

test('arguments that fit the schema of a tool never make tools.execute fail', async (t) => {
  const gateway = await populated(t)
  const { app, known, lines } = gateway
  const execute = app.rpc.get('tools.execute')!
  for (const { name } of await app.tools.specs()) {
    const tool = await app.tools.get(name)
    assert.ok(tool && 'input' in tool)
    await t.test(name, async () => {
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...lines), valid(tool.input, { known, only: ONLY }), async (line, args) => {
          const text = JSON.stringify({ sessionId: 'telegram:123456', tool: name, args })
          assertAnswered(execute, await line.ask('tools.execute', text), text)
        }),
        { numRuns: VALID_RUNS, timeout: HANGS_MS }
      )
      await assertAlive(gateway, lines)
    })
  }
})

/** Whether an issue is told of what was broken: of the very place, or of the union it stands in. */
function tellsOf(path: string): (issue: Frame) => boolean {
  return (issue) => issue.path === path || issue.path === cut(path)
}

/** A name that nobody knows is not quoted in full. */
function cut(path: string): string {
  return path
    .split('.')
    .map((part) => (part.length > 40 ? `${part.slice(0, 40)}…` : part))
    .join('.')
}

test('whatever breaks one rule of the schema of a method is refused with its path', async (t) => {
  const gateway = await populated(t)
  const { app, known, lines } = gateway
  for (const method of app.rpc.list()) {
    await t.test(method.name, async () => {
      const mutated = valid(method.params, { known, only: ONLY }).chain((params) =>
        fc.constantFrom(...broken(method.params, params))
      )
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...lines), mutated, async (line, { params, path }) => {
          const { result, error, status = 400 } = await line.ask(method.name, JSON.stringify(params))
          const told = JSON.stringify(error ?? result).slice(0, 500)
          assert.equal(error?.code, -2, `${path}: ${told}`)
          assert.equal(status, 400)
          assert.ok(error.data.issues?.some(tellsOf(path)), `${path} is not among ${told}`)
          assert.ok(error.message.startsWith(error.data.issues[0].path), told)
        }),
        { numRuns: BROKEN_RUNS, timeout: HANGS_MS }
      )
      await assertAlive(gateway, lines)
    })
  }
})

const deep = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`

const RESERVED = /^The key '\w+' is not allowed anywhere in a request$/

/** Params as no serialiser writes them, and what each is refused with. Each is a change of params that fit. */
const RAW: ReadonlyArray<readonly [what: string, code: number, of: (text: string) => string, message?: RegExp]> = [
  ['__proto__', -2, (text) => withMember(text, '"__proto__":{"admin":true}'), RESERVED],
  ['__proto__, written with an escape', -2, (text) => withMember(text, String.raw`"\u005f_proto__":1`), RESERVED],
  ['constructor', -2, (text) => withMember(text, '"constructor":{"prototype":{}}'), RESERVED],
  ['prototype, further down', -2, (text) => withMember(text, '"nonsense":[{"prototype":1}]'), RESERVED],
  ['a number that is infinite once it is read', -2, (text) => withMember(text, '"nonsense":1e999')],
  ['as deep as may be', -2, (text) => withMember(text, `"nonsense":${deep(60)}`)],
  ['deeper than may be', -1, (text) => withMember(text, `"nonsense":${deep(70)}`)],
  ['far too deep', -1, (text) => withMember(text, `"nonsense":${deep(100_000)}`)],
  ['NaN', -1, (text) => withMember(text, '"nonsense":NaN')],
  ['Infinity', -1, (text) => withMember(text, '"nonsense":-Infinity')],
  ['a number of another notation', -1, (text) => withMember(text, '"nonsense":0x1f')],
  ['a trailing comma', -1, (text) => text.replace(/\}$/, ',}')],
  ['single quotes', -1, (text) => withMember(text, "'nonsense':1")],
  ['a raw NUL', -1, (text) => withMember(text, '"nonsense":"\u0000"')],
  ['a torn end', -1, (text) => text.slice(0, -1)],
  ['an array', -2, (text) => `[${text}]`],
  ['a text', -2, (text) => JSON.stringify(text)],
  ['a number', -2, () => '7'],
  ['true', -2, () => 'true']
]

function withMember(text: string, member: string): string {
  return text === '{}' ? `{${member}}` : `{${member},${text.slice(1)}`
}

test('params that are no object, no JSON, too deep or hold a reserved key are refused', async (t) => {
  const gateway = await populated(t)
  const { app, known, lines } = gateway
  for (const method of app.rpc.list()) {
    await t.test(method.name, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...lines),
          valid(method.params, { known, only: ONLY }),
          fc.constantFrom(...RAW),
          async (line, params, [what, code, of, message]) => {
            const { error, status = 400 } = await line.ask(method.name, of(JSON.stringify(params)))
            assert.equal(error?.code, code, `${what}: ${JSON.stringify(error)}`)
            assert.equal(status, 400, what)
            if (message) assert.match(error.message, message)
          }
        ),
        { numRuns: RAW_RUNS, timeout: HANGS_MS }
      )
      await assertAlive(gateway, lines)
    })
  }
})

/** Frames whose envelope is wrong: with the id of the answer, where one can be read. */
const ENVELOPES: ReadonlyArray<readonly [frame: (method: string) => string, code: number, id: unknown]> = [
  [(method) => `{"id":"1","method":"${method}"}`, -2, null],
  [(method) => `{"id":1.5,"method":"${method}"}`, -2, null],
  [(method) => `{"id":null,"method":"${method}"}`, -2, null],
  [(method) => `{"id":{},"method":"${method}"}`, -2, null],
  [(method) => `{"id":[1],"method":"${method}"}`, -2, null],
  [(method) => `{"id":true,"method":"${method}"}`, -2, null],
  [(method) => `{"id":1e400,"method":"${method}"}`, -2, null],
  [(method) => `{"id":9007199254740993,"method":"${method}"}`, -2, null],
  [(method) => `{"method":"${method}"}`, -2, null],
  [(method) => `{"id":7,"method":["${method}"]}`, -2, 7],
  [() => '{"id":7,"method":null}', -2, 7],
  [() => '{"id":7}', -2, 7],
  [(method) => `{"id":7,"method":"${method} "}`, -3, 7],
  [(method) => `{"id":7,"method":"${method.toUpperCase()}"}`, -3, 7],
  [(method) => `{"id":7,"method":"${method}\\u0000"}`, -3, 7],
  [(method) => `{"id":7,"method":"${method}","params":null}`, -2, 7],
  [(method) => `{"id":7,"method":"${method}","__proto__":{}}`, -2, 7],
  [(method) => `{"id":7,"method":"${method}"`, -1, null],
  [(method) => `[{"id":7,"method":"${method}"}]`, -2, null],
  [() => '[]', -2, null],
  [() => 'null', -2, null],
  [() => '"text"', -2, null],
  [() => '', -1, null],
  [() => '\ufeff{}', -1, null],
  [(method) => `{"jsonrpc":"1.0","id":7,"method":"${method}"}`, -2, 7],
  [(method) => `{"jsonrpc":"2.0","id":1.5,"method":"${method}"}`, -2, null],
  [(method) => `{"jsonrpc":"2.0","id":{},"method":"${method}"}`, -2, null],
  [(method) => `{"jsonrpc":"2.0","id":"x","method":["${method}"]}`, -2, 'x'],
  [(method) => `{"jsonrpc":"2.0","id":"x","method":"${method}","params":1}`, -2, 'x'],
  [(method) => `{"jsonrpc":"2.0","id":"x","method":"${method}."}`, -3, 'x']
]

test('a frame whose envelope is wrong is refused, whatever method it names, and the socket goes on', async (t) => {
  const gateway = await populated(t)
  const { app, lines } = gateway
  const line = lines[0]!
  const client = await line.client()
  for (const { name } of app.rpc.list()) {
    for (const [frame, code, id] of ENVELOPES) {
      const text = frame(name)
      const answer = await line.send(text)
      const { error } = Array.isArray(answer) ? answer[0] : answer
      assert.equal(error?.data.code ?? error?.code, code, `${text}: ${JSON.stringify(answer)}`)
      assert.equal(Array.isArray(answer) ? answer[0].id : answer.id, id, text)
    }
  }
  assert.equal(await line.client(), client)
  await assertAlive(gateway, lines)
})
