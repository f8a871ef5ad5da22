import assert from 'node:assert/strict'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { Type } from '@sinclair/typebox'
import { pino } from 'pino'
import type { SessionRow } from '../../../db/client.ts'
import type { Clock } from '../../../lanes/clock.ts'
import type { GatewayLanes } from '../../../plugins/lanes/index.ts'
import { type AnyTool, defineTool, type ToolContext, ToolError } from '../../../plugins/tools/define.ts'
import { type RunOptions, Toolbox } from '../../../plugins/tools/toolbox.ts'
import { workspacePath } from '../../../plugins/tools/workspace.ts'
import { workLanes } from '../lanes/fixtures.ts'
import { PARTS, SETTINGS, silent } from './context.ts'

interface Recorded {
  readonly event: string
  readonly actor: string
  readonly detail: Record<string, unknown> | undefined
}

function toolbox(...tools: AnyTool[]): { box: Toolbox; recorded: Recorded[]; lanes: GatewayLanes; pass: () => void } {
  const recorded: Recorded[] = []
  const audit = {
    record: (event: string, actor: string, detail?: Record<string, unknown>) => void recorded.push({ event, actor, detail })
  }
  const timers = new Set<() => void>()
  const clock: Clock = {
    now: () => 0,
    after(_ms, fn) {
      timers.add(fn)
      return () => void timers.delete(fn)
    }
  }
  const lanes = workLanes({ clock, runTimeoutMs: 1000, abandonAfterMs: 1000 })
  const box = new Toolbox({
    ...PARTS,
    audit,
    lanes
  })
  for (const tool of tools) box.add(tool)
  /** The time of the timer that was armed last is over. */
  const pass = (): void => [...timers].at(-1)?.()
  return { box, recorded, lanes, pass }
}

function options(changes: Partial<RunOptions> = {}): RunOptions {
  return { sessionId: 'ws:1', signal: new AbortController().signal, log: silent, actor: 'token:test', ...changes }
}

/** A tool without arguments that runs the test's function. */
function tool(run: (context: ToolContext) => unknown, changes: Partial<AnyTool> = {}): AnyTool {
  return {
    name: 'test.tool',
    description: 'Does what the test says',
    input: Type.Object({}, { additionalProperties: false }),
    run: async (_args: unknown, context: ToolContext) => (await run(context)) as string,
    ...changes
  }
}

const repeat = defineTool({
  name: 'text.repeat',
  description: 'Repeat a text',
  input: Type.Object(
    { text: Type.String({ maxLength: 10 }), times: Type.Optional(Type.Integer({ minimum: 1, default: 2 })) },
    { additionalProperties: false }
  ),
  run: async ({ text, times = 0 }) => text.repeat(times)
})

/** A tool that runs until its signal is aborted, or for ever. */
function endless(t: TestContext, { obedient = true, inLane = false } = {}): { endless: AnyTool; started: Promise<void> } {
  const started = Promise.withResolvers<void>()
  const held = setInterval(() => {}, 60_000)
  t.after(() => clearInterval(held))
  const endless = tool(
    ({ signal }) =>
      new Promise((_resolve, reject) => {
        started.resolve()
        if (obedient) signal.addEventListener('abort', () => reject(signal.reason))
      }),
    { inLane }
  )
  return { endless, started: started.promise }
}

test('a tool gets its arguments with defaults filled in, and its text is the output', async () => {
  const { box } = toolbox(repeat)
  const result = { success: true, output: 'abab', error: null, attachments: [] }
  assert.deepEqual(await box.run('text.repeat', { text: 'ab' }, options()), result)
})

test('what the caller passed is not changed, and what the tool gets cannot be', async () => {
  const { box } = toolbox(repeat)
  const args = Object.freeze({ text: 'a' })
  const checked = await box.check('text.repeat', args)
  assert.deepEqual(checked, { text: 'a', times: 2 })
  assert.ok(Object.isFrozen(checked))
  await box.run('text.repeat', args, options())
  assert.deepEqual(args, { text: 'a' })
})

test('wrong arguments are an error that names them, and nothing runs', async () => {
  const { box, recorded } = toolbox(repeat)
  const cases: [unknown, RegExp][] = [
    [{}, /^args\.text is required/],
    [{ text: 1 }, /^args\.text must be a string/],
    [{ text: 'a', times: 0 }, /^args\.times must be an integer/],
    [{ text: 'a', extra: 1 }, /^args\.extra is not known/],
    [[], /^args must be an object/]
  ]
  for (const [args, message] of cases) {
    await assert.rejects(box.run('text.repeat', args, options()), { name: 'RpcError', code: -2, message })
  }
  assert.deepEqual(recorded, [])
})

test('an unknown tool is an error of its own', async () => {
  const { box } = toolbox()
  for (const name of ['no.tool', '__proto__', 'constructor', '']) {
    await assert.rejects(box.run(name, {}, options()), { name: 'RpcError', code: 2, message: `Unknown tool: "${name}"` })
  }
})

test('a tool that fails is a result with its message and what it had produced', async () => {
  const failing = tool(() => {
    throw new ToolError('exit code 3', { output: 'partly' })
  })
  const { box, recorded } = toolbox(failing)
  assert.deepEqual(await box.run('test.tool', {}, options()), {
    success: false,
    output: 'partly',
    error: 'exit code 3',
    attachments: []
  })
  assert.equal(recorded[0]?.detail?.success, false)
})

test('the message of a failure holds no path of the server, no credential and no control character', async () => {
  const key = ['sk', 'ant', 'abcdefghijklmnopqrstuvwx'].join('-')
  const secrets = [`Bearer abcdef0123456789`, `password=hunter22`, `"api_key": "0123456789"`, key, 'https://user:pass@host/x']
  for (const secret of secrets) {
    const { box } = toolbox(
      tool(({ session }) => {
        throw new ToolError(`could not use ${secret} in ${join(session.workspace, 'file')}\u001b[31m`)
      })
    )
    const { error } = await box.run('test.tool', {}, options())
    assert.match(error!, /^could not use .*\*\*\*.* in …\/file$/)
    for (const part of ['abcdef0123456789', 'hunter22', '0123456789', 'abcdefghijklmnop', 'pass@'])
      assert.ok(!error!.includes(part), error!)
  }
})

test('a message of any length is cut', async () => {
  const { box } = toolbox(
    tool(() => {
      throw new ToolError('x'.repeat(1_000_000))
    })
  )
  const { error } = await box.run('test.tool', {}, options())
  assert.equal(error, `${'x'.repeat(1000)}…`)
})

test('an error that no tool foresaw is logged, and shown as nothing but a failure', async () => {
  const lines: string[] = []
  const log = pino({ level: 'error' }, { write: (line) => void lines.push(line) })
  for (const run of [
    () => Promise.reject(new Error('ENOENT: /var/lib/flynn/flynn.db')),
    () => undefined,
    () => ({ output: 7 })
  ]) {
    const { box } = toolbox(tool(run))
    assert.deepEqual(await box.run('test.tool', {}, options({ log })), {
      success: false,
      output: '',
      error: 'the tool failed',
      attachments: []
    })
  }
  assert.equal(lines.length, 3)
  assert.match(lines[0]!, /flynn\.db/)
})

test('attachments come with the result', async () => {
  const attachments = [{ mimeType: 'image/png', data: 'AAAA' }]
  const { box } = toolbox(tool(() => ({ output: 'a picture', attachments })))
  assert.deepEqual(await box.run('test.tool', {}, options()), { success: true, output: 'a picture', error: null, attachments })
})

test('a tool knows its session and the workspace of it', async () => {
  const { box } = toolbox(tool(({ session }) => JSON.stringify(session)))
  const { output } = await box.run('test.tool', {}, options({ sessionId: 'telegram:1' }))
  assert.deepEqual(JSON.parse(output), { id: 'telegram:1', workspace: workspacePath('/var/lib/flynn', 'telegram:1') })
})

test('every run is recorded with who, where and what', async () => {
  const echo = tool(() => 'done', { input: Type.Object({ text: Type.String() }) })
  const { box, recorded } = toolbox(echo)
  await box.run('test.tool', { text: 'Hello' }, options())
  assert.deepEqual(recorded, [
    {
      event: 'tool.run',
      actor: 'token:test',
      detail: { tool: 'test.tool', sessionId: 'ws:1', success: true, args: '{"text":"Hello"}' }
    }
  ])
})

test('an abort is thrown as it is, and recorded', async (t) => {
  const { endless: running, started } = endless(t)
  const { box, recorded } = toolbox(running)
  const abort = new AbortController()
  const run = box.run('test.tool', {}, options({ signal: abort.signal }))
  await started
  abort.abort()
  await assert.rejects(run, (cause) => cause === abort.signal.reason && (cause as Error).name === 'AbortError')
  assert.deepEqual(recorded[0]?.detail, { tool: 'test.tool', sessionId: 'ws:1', success: false, aborted: true, args: '{}' })
  assert.equal(recorded.length, 1)
})

test('a tool that ignores its abort is recorded', async (t) => {
  const { endless: running, started } = endless(t, { obedient: false })
  const { box, recorded } = toolbox(running)
  const abort = new AbortController()
  void box.run('test.tool', {}, options({ signal: abort.signal }))
  await started
  abort.abort()
  assert.equal(recorded[0]?.detail?.aborted, true)
})

test('a tool that gets done in spite of its abort is recorded once', async () => {
  const abort = new AbortController()
  const { box, recorded } = toolbox(
    tool(() => {
      abort.abort()
      return 'done anyway'
    })
  )
  assert.equal((await box.run('test.tool', {}, options({ signal: abort.signal }))).output, 'done anyway')
  assert.deepEqual(
    recorded.map(({ detail }) => detail?.aborted),
    [true]
  )
})

test('whatever a tool throws after an abort is the abort', async () => {
  const abort = new AbortController()
  const { box } = toolbox(
    tool(() => {
      abort.abort()
      throw new ToolError('killed')
    })
  )
  await assert.rejects(box.run('test.tool', {}, options({ signal: abort.signal })), { name: 'AbortError' })
})

test('a run that was aborted before it began does not begin', async () => {
  const { box, recorded } = toolbox(tool(() => assert.fail('it ran')))
  await assert.rejects(box.run('test.tool', {}, options({ signal: AbortSignal.abort() })), { name: 'AbortError' })
  assert.deepEqual(recorded, [])
})

test('names: groups and verbs, those of MCP servers too', () => {
  const good = ['shell.exec', 'memory.getAll', 'github.list-issues', 'a1_b.c.D_e', `a.${'b'.repeat(62)}`]
  const bad = [
    '',
    'shell',
    'Shell.exec',
    '.exec',
    'shell.',
    'shell..exec',
    '1a.b',
    'a.1',
    'a b.c',
    'a.b\n',
    '__proto__',
    `a.${'b'.repeat(63)}`
  ]
  for (const name of good) assert.doesNotThrow(() => toolbox(tool(() => '', { name })), name)
  for (const name of bad) assert.throws(() => toolbox(tool(() => '', { name })), /a name looks like 'group\.verb'/, name)
})

test('a name that is taken, and a schema that is not that of an object, stop the start', () => {
  assert.throws(() => toolbox(repeat, repeat), { message: "tool 'text.repeat' is already registered" })
  const wrong = tool(() => '', { input: Type.String() as never })
  assert.throws(() => toolbox(wrong), { message: "tool 'test.tool': input must be a schema of an object" })
})

test('the specification of a tool is plain JSON Schema', async () => {
  const { box } = toolbox(repeat)
  const [spec] = await box.specs()
  assert.deepEqual(spec, {
    name: 'text.repeat',
    description: 'Repeat a text',
    inputSchema: {
      type: 'object',
      properties: { text: { type: 'string', maxLength: 10 }, times: { type: 'integer', minimum: 1, default: 2 } },
      required: ['text'],
      additionalProperties: false
    }
  })
  assert.deepEqual(Object.getOwnPropertySymbols(spec!.inputSchema), [])
  assert.equal(await box.get('text.repeat'), repeat)
})

test('a tool that asks for it waits for its turn in the lane of the session, others do not', async () => {
  const { box, lanes } = toolbox(
    tool(() => 'in turn', { name: 'test.ordered', inLane: true }),
    tool(() => 'at once', { name: 'test.free' })
  )
  const first = Promise.withResolvers<void>()
  const order: string[] = []
  const busy = lanes.run('ws:1', { owner: 'x', run: () => first.promise.then(() => void order.push('the turn before')) })
  const ordered = box.execute('test.ordered', {}, options()).then(({ output }) => void order.push(output))
  order.push((await box.execute('test.free', {}, options())).output)
  first.resolve()
  await Promise.all([busy, ordered])
  assert.deepEqual(order, ['at once', 'the turn before', 'in turn'])
})

test('interventions of the lane have the codes of the protocol', async (t) => {
  const { endless: running, started } = endless(t, { inLane: true })
  const { box, lanes } = toolbox(running)
  const run = box.execute('test.tool', {}, options())
  const queued = box.execute('test.tool', {}, options())
  await started
  lanes.cancel('ws:1')
  for (const one of [run, queued]) await assert.rejects(one, { name: 'RpcError', code: 4 })
  void lanes.close(0)
  await assert.rejects(box.execute('test.tool', {}, options()), { name: 'RpcError', code: 3 })
})

test('a client that goes away ends the tool it has started, in the lane and out of it', async (t) => {
  for (const inLane of [true, false]) {
    const { endless: running, started } = endless(t, { inLane })
    const { box } = toolbox(running)
    const gone = new AbortController()
    const run = box.execute('test.tool', {}, options({ signal: gone.signal }))
    await started
    gone.abort()
    await assert.rejects(run, { name: 'RpcError', code: 4 })
  }
})

test('a tool that never ends is stopped at the deadline of a run, and left behind when it does not hear', async (t) => {
  for (const obedient of [true, false]) {
    const { endless: running, started } = endless(t, { obedient })
    const { box, lanes, pass } = toolbox(running)
    const run = assert.rejects(box.execute('test.tool', {}, options()), {
      name: 'RpcError',
      code: 5,
      message: /took longer than 1 sec/
    })
    await started
    pass()
    // The grace of one that does not hear.
    if (!obedient) pass()
    await run
    assert.equal(lanes.size, 0)
  }
})

test('a client that goes away from a tool that does not hear gives its place free', async (t) => {
  const { endless: running, started } = endless(t, { obedient: false })
  const { box, lanes, pass } = toolbox(running)
  const gone = new AbortController()
  const run = assert.rejects(box.execute('test.tool', {}, options({ signal: gone.signal })), { name: 'RpcError', code: 4 })
  await started
  gone.abort()
  pass()
  await run
  assert.equal(lanes.size, 0)
})

test('a shutdown ends what clients have running, and takes no more', async (t) => {
  const { endless: running, started } = endless(t)
  const { box, lanes, pass } = toolbox(running)
  const run = assert.rejects(box.execute('test.tool', {}, options()), { name: 'RpcError', code: 3 })
  await started
  const closed = lanes.close(0)
  pass()
  await Promise.all([run, closed])
  await assert.rejects(box.execute('test.tool', {}, options()), {
    name: 'RpcError',
    code: 3,
    message: 'The gateway is shutting down'
  })
})

test('a tool that has to be elevated runs only while its session is, as it stands when the tool begins', async () => {
  const recorded: Recorded[] = []
  const elevated: string[] = ['text.repeat']
  let untilMs = 0
  const box = new Toolbox({
    ...PARTS,
    audit: { record: (event, actor, detail) => void recorded.push({ event, actor, detail }) },
    lanes: workLanes(),
    now: () => 1000,
    sessions: { get: async (id) => (id === 'ws:1' ? ({ config: { elevation: { untilMs } } } as SessionRow) : undefined) },
    settings: () => ({ ...SETTINGS, elevated })
  })
  box.add(repeat)
  const error = async (sessionId = 'ws:1') => (await box.run('text.repeat', { text: 'a' }, options({ sessionId }))).error
  assert.match((await error())!, /text\.repeat runs only in an elevated session.*\/elevate 10m/)
  assert.deepEqual(recorded[0]?.detail, {
    tool: 'text.repeat',
    sessionId: 'ws:1',
    success: false,
    refused: true,
    args: '{"text":"a","times":2}'
  })
  assert.match((await box.execute('text.repeat', { text: 'a' }, options())).error!, /elevated/)
  const prepared = await box.prepare('text.repeat', { text: 'a' })
  untilMs = 1001
  assert.equal(await error(), null)
  assert.match((await error('ws:2'))!, /elevated/)
  assert.equal(await prepared.refusal('ws:1'), undefined)
  untilMs = 1000
  assert.match((await prepared.run(options())).error!, /elevated/)
  // As the configuration says now.
  elevated.pop()
  assert.equal(await error(), null)
})

test('a call that was prepared says whether it has to be confirmed, and runs with the arguments it shows', async () => {
  const confirm = ['text.repeat']
  const box = new Toolbox({
    ...PARTS,
    audit: { record: () => {} },
    lanes: workLanes(),
    settings: () => ({ ...SETTINGS, confirm })
  })
  box.add(repeat)
  const given = { text: 'ab' }
  const prepared = await box.prepare('text.repeat', given)
  assert.deepEqual([prepared.confirm, prepared.args], [true, { text: 'ab', times: 2 }])
  given.text = 'xy'
  assert.throws(() => Object.assign(prepared.args, { text: 'xy' }), TypeError)
  assert.equal((await prepared.run(options())).output, 'abab')
  confirm.pop()
  assert.equal((await box.prepare('text.repeat', given)).confirm, false)
})

test('names of the configuration that no tool can have are known, those of sources may come', () => {
  const restricted = { confirm: ['text.repeat', 'text.repaet', 'disk.read'], elevated: ['text.repaet', 'constructor', 'disk'] }
  const box = new Toolbox({
    ...PARTS,
    audit: { record: () => {} },
    lanes: workLanes(),
    settings: () => ({ ...SETTINGS, guests: [], ...restricted })
  })
  box.add(repeat)
  box.addSource({ name: 'disk', tools: async () => [] })
  assert.deepEqual(box.misnamed(), ['text.repaet', 'constructor', 'disk'])
})
