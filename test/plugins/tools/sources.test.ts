import assert from 'node:assert/strict'
import test from 'node:test'
import { Type } from '@sinclair/typebox'
import { defineTool, type SourcedTool, ToolError, type ToolSource } from '../../../plugins/tools/define.ts'
import { Toolbox } from '../../../plugins/tools/toolbox.ts'
import { workLanes } from '../lanes/fixtures.ts'
import { PARTS, silent } from './context.ts'

const OPTIONS = { sessionId: 'ws:1', signal: new AbortController().signal, log: silent, actor: 'token:test' }

const own = defineTool({
  name: 'file.read',
  description: 'Of the gateway',
  input: Type.Object({}, { additionalProperties: false }),
  run: async () => 'the gateway'
})

function toolbox() {
  const warned: Record<string, unknown>[] = []
  const recorded: unknown[] = []
  const box = new Toolbox({
    ...PARTS,
    audit: { record: (event, actor, detail) => void recorded.push([event, actor, detail]) },
    lanes: workLanes(),
    log: { info() {}, warn: (detail: object) => void warned.push(detail as Record<string, unknown>) }
  })
  box.add(own)
  return { box, warned, recorded }
}

/** A tool that says what it was given. `path` has to be there. */
function sourced(name: string, run: SourcedTool['run'] = async (args) => JSON.stringify(args)): SourcedTool {
  return {
    name,
    description: `what ${name} does`,
    inputSchema: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] },
    issues: (args) =>
      typeof (args as { path?: unknown })?.path === 'string' ? [] : [{ path: 'args.path', message: 'is required' }],
    run
  }
}

/** A source whose tools are what `now` says. */
function source(name: string, now: () => readonly SourcedTool[]): ToolSource & { asked: number } {
  return {
    name,
    asked: 0,
    async tools() {
      this.asked++
      return now()
    }
  }
}

test('tools of a source are listed after those of the gateway, as they are now', async () => {
  const { box } = toolbox()
  let tools = [sourced('disk.read')]
  box.addSource(source('disk', () => tools))
  box.addSource(source('other', () => [sourced('other.look')]))
  const names = async () => (await box.specs()).map(({ name }) => name)
  assert.deepEqual(await names(), ['file.read', 'disk.read', 'other.look'])
  const { name, description, inputSchema } = sourced('disk.read')
  assert.deepEqual((await box.specs())[1], { name, description, inputSchema })
  tools = []
  assert.deepEqual(await names(), ['file.read', 'other.look'])
  await assert.rejects(box.run('disk.read', { path: 'a' }, OPTIONS), { code: 2 })
})

test('all sources are asked at once', async () => {
  const { box } = toolbox()
  const both = Promise.withResolvers<void>()
  let asked = 0
  for (const name of ['one', 'two']) {
    box.addSource({
      name,
      async tools() {
        if (++asked === 2) both.resolve()
        await both.promise
        return []
      }
    })
  }
  assert.equal((await box.specs()).length, 1)
})

test('a call asks the source alone that its name says, and none for a tool of the gateway', async () => {
  const { box } = toolbox()
  const disk = source('disk', () => [sourced('disk.read')])
  const other = source('other', () => [])
  box.addSource(disk)
  box.addSource(other)
  await box.run('disk.read', { path: 'a' }, OPTIONS)
  await box.run('file.read', {}, OPTIONS)
  await assert.rejects(box.run('none.read', {}, OPTIONS), { code: 2 })
  assert.deepEqual([disk.asked, other.asked], [1, 0])
})

test('a tool of a source is run as any other: checked, frozen, recorded, its failure a result', async () => {
  const { box, recorded } = toolbox()
  let given: unknown
  const run: SourcedTool['run'] = async (args) => {
    given = args
    throw new ToolError('no such file', { output: 'half' })
  }
  box.addSource(source('disk', () => [sourced('disk.read', run)]))
  const args = { path: 'a', list: [{ b: 1 }] }
  assert.deepEqual(await box.run('disk.read', args, OPTIONS), {
    success: false,
    output: 'half',
    error: 'no such file',
    attachments: []
  })
  assert.deepEqual(given, args)
  assert.notEqual(given, args)
  assert.ok(Object.isFrozen((given as typeof args).list[0]))
  assert.ok(!Object.isFrozen(args))
  const detail = { tool: 'disk.read', sessionId: 'ws:1', success: false, args: '{"path":"a","list":[{"b":1}]}' }
  assert.deepEqual(recorded, [['tool.run', 'token:test', detail]])
  await assert.rejects(box.check('disk.read', {}, 'params.args'), { code: -2, message: /^params\.args\.path is required/ })
})

test('misnamed tools of a source are left out and logged once', async () => {
  const { box, warned } = toolbox()
  const wrong = ['disk', 'disk.', 'disk.1', 'disk.a b', 'file.read', 'other.read', `disk.${'x'.repeat(60)}`, 'disk.\u001b[2J']
  const tools = ['disk.read', 'disk.read', ...wrong].map((name) => sourced(name, async () => 'the source'))
  box.addSource(source('disk', () => tools))
  const names = async () => (await box.specs()).map(({ name }) => name)
  assert.deepEqual(await names(), ['file.read', 'disk.read'])
  assert.deepEqual(await names(), ['file.read', 'disk.read'])
  assert.equal((await box.run('file.read', {}, OPTIONS)).output, 'the gateway')
  assert.equal(warned.length, wrong.length + 1)
  assert.ok(warned.every(({ tool }) => !String(tool).includes('\u001b')))
})

test('the log names a bounded number of misnamed tools', async () => {
  const { box, warned } = toolbox()
  let round = 0
  box.addSource(source('disk', () => Array.from({ length: 600 }, (_, n) => sourced(`wrong.n${round}x${n}`))))
  for (; round < 3; round++) await box.specs()
  assert.equal(warned.length, 1000)
})

test('a source that breaks its word and fails has no tools, and harms no other', async () => {
  const { box, warned } = toolbox()
  box.addSource({ name: 'broken', tools: () => Promise.reject(new Error('gone')) })
  box.addSource(source('disk', () => [sourced('disk.read')]))
  assert.deepEqual(
    (await box.specs()).map(({ name }) => name),
    ['file.read', 'disk.read']
  )
  assert.equal(warned[0]!.source, 'broken')
})

test('a source with the name of another, of tools of the gateway, or with none that can be, stops the start', () => {
  const { box } = toolbox()
  const nothing = (name: string) => source(name, () => [])
  box.addSource(nothing('disk'))
  assert.throws(() => box.addSource(nothing('disk')), { message: "source of tools 'disk' is already registered" })
  assert.throws(() => box.addSource(nothing('file')), /'file'.*begin with 'file\.'/)
  for (const name of ['', 'A', 'a.b', '1a', 'a b', '__proto__']) {
    assert.throws(() => box.addSource(nothing(name)), /a name is small letters/, name)
  }
  assert.throws(() => box.add({ ...own, name: 'disk.read' }), {
    message: "tool 'disk.read': a source of tools has the name 'disk'"
  })
})
