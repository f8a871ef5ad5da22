import assert from 'node:assert/strict'
import test from 'node:test'
import { Type } from '@sinclair/typebox'
import fc from 'fast-check'
import { open } from '../../../db/client.ts'
import { defineTool, type SourcedTool, type ToolContext } from '../../../plugins/tools/define.ts'
import { memoryTools } from '../../../plugins/tools/memory.ts'
import { namesTool } from '../../../plugins/tools/patterns.ts'
import { type RunOptions, Toolbox, type ToolboxOptions } from '../../../plugins/tools/toolbox.ts'
import { workLanes } from '../lanes/fixtures.ts'
import { named, PARTS, SETTINGS, silent } from './context.ts'

const OPTIONS: RunOptions = { sessionId: 'ws:1', signal: new AbortController().signal, log: silent, actor: 'token:test' }

type Settings = ReturnType<ToolboxOptions['settings']>

/** A toolbox with `tools` of its own and an MCP-like source `disk`, whose list can be changed. */
function toolbox({ settings = {}, ...parts }: { settings?: Partial<Settings> } & Partial<Omit<ToolboxOptions, 'settings'>> = {}) {
  const logged: object[] = []
  const own = (name: string) =>
    defineTool({
      name,
      description: `does ${name}`,
      input: Type.Object({}),
      run: async (_args, { access }) => `${name} ${access}`
    })
  const current = { tools: [disk('read'), disk('delete')], settings: { ...SETTINGS, ...settings } as Settings }
  const box = new Toolbox({
    ...PARTS,
    audit: { record: () => {} },
    lanes: workLanes(),
    settings: () => current.settings,
    log: { info: (detail: object) => void logged.push(detail), warn() {} },
    ...parts
  })
  for (const name of ['file.read', 'shell.exec']) box.add(own(name))
  box.add({ ...own('web.fetch'), confirmGuests: true })
  box.addSource({ name: 'disk', tools: async () => current.tools })
  const confirm = async (name: string) => (await box.prepare(name, {})).confirm
  return { box, current, logged, confirm }
}

function disk(verb: string, changes: Partial<SourcedTool> = {}): SourcedTool {
  const inputSchema = { type: 'object' }
  return { name: `disk.${verb}`, description: verb, inputSchema, issues: () => [], run: async () => verb, ...changes }
}

const names = (specs: readonly { name: string }[]) => specs.map(({ name }) => name)

test('a pattern names tools as a shell would', () => {
  const table: [pattern: string, tool: string, named: boolean][] = [
    ['file.read', 'file.read', true],
    ['file.read', 'file.read2', false],
    ['file.*', 'file.read', true],
    ['file.*', 'files.read', false],
    ['*', 'a.b', true],
    ['*.read', 'file.read', true],
    ['*.read', 'file.reads', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['f*e.*d', 'file.read', true],
    ['f*e*e.*', 'file.read', false],
    ['file.r.*', 'file.rx', false]
  ]
  for (const [pattern, tool, expected] of table) assert.equal(namesTool([pattern], tool), expected, `${pattern} ${tool}`)
  assert.equal(namesTool([], 'file.read'), false)
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 8 })
  fc.assert(
    fc.property(text, text, (pattern, tool) => {
      const expression = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`)
      assert.equal(namesTool([pattern], tool), expression.test(tool))
    })
  )
})

test('allow and deny decide which tools exist', async () => {
  const { box, current } = toolbox({ settings: { deny: ['disk.*'] } })
  assert.deepEqual(names(await box.specs()), ['file.read', 'shell.exec', 'web.fetch'])
  await assert.rejects(box.run('disk.read', {}, OPTIONS), { code: 2, message: 'disk.read cannot be used: tools.deny names it' })
  current.settings = { ...SETTINGS, allow: ['file.*', 'disk.read'] }
  assert.deepEqual(names(await box.offered()), ['file.read', 'disk.read'])
  await assert.rejects(box.prepare('shell.exec', {}), { code: 2, message: /tools\.allow does not name it/ })
})

test('confirm and elevated take patterns, which later tools match too', async () => {
  const { box, current, confirm } = toolbox({ settings: { confirm: ['disk.*'], elevated: ['shell.*'] } })
  current.tools = [disk('format')]
  assert.deepEqual([await confirm('disk.format'), await confirm('file.read')], [true, false])
  assert.match((await box.run('shell.exec', {}, OPTIONS)).error!, /elevated session/)
})

test('a guest has the tools of tools.guests, and confirms web.fetch', async () => {
  const { box, current } = toolbox()
  const guest = { ...OPTIONS, access: 'guest' as const }
  assert.deepEqual(names(await box.specs('guest')), ['file.read'])
  assert.equal((await box.run('file.read', {}, guest)).output, 'file.read guest')
  for (const name of ['web.fetch', 'shell.exec', 'disk.read']) {
    await assert.rejects(box.run(name, {}, guest), { code: 2, message: /guests have only the tools of tools\.guests/ })
  }
  current.settings = { ...SETTINGS, guests: ['web.*', 'disk.read'] }
  assert.equal((await box.prepare('web.fetch', {}, guest)).confirm, true)
  assert.equal((await box.prepare('web.fetch', {})).confirm, false)
  assert.deepEqual(names(await box.offered('guest')), ['web.fetch', 'disk.read'])
})

test('memory of a guest is its own, and the owner cannot be overwritten', async (t) => {
  const { memory, close } = await open({ file: ':memory:' })
  t.after(close)
  const tools = memoryTools({ maxBytes: () => 8 * 1024 * 1024, memory })
  const context = (actor: string, access: ToolContext['access']): ToolContext => ({
    signal: OPTIONS.signal,
    session: { id: `${actor}:s`, workspace: '/nowhere' },
    access,
    actor,
    log: silent
  })
  const owner = context('token:test', 'owner')
  const [one, two] = [context('telegram:1', 'guest'), context('telegram:2', 'guest')]
  const run = async (name: string, args: object, who: ToolContext) => await named(tools, `memory.${name}`).run(args, who)
  await run('put', { key: 'door', value: 'code 1234' }, owner)
  for (const guest of [one, two]) await assert.rejects(run('get', { key: 'door' }, guest), /nothing is stored/)
  await run('put', { key: 'door', value: 'mine' }, one)
  assert.equal(await run('get', { key: 'door' }, owner), 'code 1234')
  assert.equal(await run('get', { key: 'door' }, one), 'mine')
  assert.equal(await run('search', { query: 'code' }, one), 'nothing found')
  assert.equal(await run('search', { query: 'mine' }, two), 'nothing found')
  await assert.rejects(run('get', { key: 'door', namespace: 'guests/telegram:1/notes' }, two), /nothing is stored/)
  for (const namespace of ['guests/telegram:1/notes', 'session/x']) {
    await assert.rejects(run('put', { key: 'door', value: 'x', namespace }, owner), /are not written by tools/)
  }
})

test('a tool that changes its name needs a confirmation once', async () => {
  const { box, current, confirm } = toolbox({ settings: { confirm: ['disk.delete'] } })
  await box.specs()
  assert.deepEqual([await confirm('disk.delete'), await confirm('disk.read')], [true, false])
  current.tools = [disk('read'), disk('remove')]
  assert.equal(await confirm('disk.remove'), true)
  const prepared = await box.prepare('disk.remove', {})
  assert.equal(await confirm('disk.remove'), true, 'a call that is only prepared is not confirmed')
  await prepared.run(OPTIONS)
  assert.equal(await confirm('disk.remove'), false)
  current.tools = [disk('read', { description: 'deletes now' })]
  assert.equal(await confirm('disk.read'), true, 'a changed description')
  current.tools = [disk('read', { inputSchema: { type: 'object', properties: { all: {} } } })]
  assert.equal(await confirm('disk.read'), true, 'a changed schema')
})

test('a destructive tool needs a confirmation once where another tool does', async () => {
  const { current, confirm, box } = toolbox({ settings: { confirm: ['*.delete'] } })
  current.tools = [disk('delete'), disk('wipe', { destructive: true }), disk('read')]
  assert.deepEqual([await confirm('disk.wipe'), await confirm('disk.read')], [true, false])
  current.settings = SETTINGS
  assert.equal(await confirm('disk.wipe'), false, 'no tool of the source is restricted')
  current.settings = { ...SETTINGS, elevated: ['disk.delete'] }
  assert.equal(await confirm('disk.wipe'), true)
  await (await box.prepare('disk.wipe', {})).run(OPTIONS)
  assert.equal(await confirm('disk.wipe'), false)
})

test('known tools are remembered over a restart', async (t) => {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  const settings = { confirm: ['disk.delete'] }
  const store = db.plugin('tools')
  const first = toolbox({ settings, store })
  await first.box.specs()
  const second = toolbox({ settings, store })
  second.current.tools = [disk('read'), disk('remove')]
  assert.deepEqual([await second.confirm('disk.read'), await second.confirm('disk.remove')], [false, true])
  await (await second.box.prepare('disk.remove', {})).run(OPTIONS)
  const third = toolbox({ settings, store })
  third.current.tools = second.current.tools
  assert.equal(await third.confirm('disk.remove'), false)
})

test('past tools.max the tools of sources are found and called through two tools', async () => {
  const { box, current } = toolbox({ settings: { max: 5, confirm: ['disk.verb7'] } })
  current.tools = Array.from({ length: 20 }, (_, n) =>
    disk(`verb${n}`, { description: n === 7 ? 'Format a floppy' : 'Other', run: async (args) => JSON.stringify(args) })
  )
  assert.deepEqual(names(await box.offered()), ['file.read', 'shell.exec', 'web.fetch', 'tools.find', 'tools.call'])
  assert.equal((await box.specs()).length, 23)
  const { output } = await box.run('tools.find', { query: 'FORMAT floppy' }, OPTIONS)
  assert.equal(output, 'disk.verb7: Format a floppy\nargs: {"type":"object"}')
  const call = await box.prepare('tools.call', { tool: 'disk.verb7', args: { a: 1 } })
  assert.deepEqual([call.tool, call.args, call.confirm], ['disk.verb7', { a: 1 }, true])
  assert.equal((await call.run(OPTIONS)).output, '{"a":1}')
  for (const tool of ['tools.call', 'none.read']) {
    await assert.rejects(box.prepare('tools.call', { tool }), { code: 2, message: `Unknown tool: "${tool}"` })
  }
  await assert.rejects(box.prepare('tools.call', { tool: 'disk.verb7' }, { access: 'guest' }), { code: 2 })
  assert.match((await box.run('tools.find', { query: 'verb1' }, { ...OPTIONS, access: 'guest' })).output, /no tool found/)
  current.settings = { ...SETTINGS, max: 4 }
  assert.deepEqual(names(await box.offered()), ['tools.find', 'tools.call'])
})

test('the cost of the tools is logged once for each list', async () => {
  const { box, current, logged } = toolbox()
  await box.offered()
  await box.offered()
  assert.deepEqual(
    logged.map((line) => Object.keys(line)),
    [['tools', 'tokens']]
  )
  current.tools = []
  await box.offered()
  assert.equal(logged.length, 2)
})

test('a source can have lists of its own, with or without its name', async () => {
  const { box, current } = toolbox()
  current.tools = [disk('read'), disk('write'), disk('delete')]
  const listed = async (allow: string[], deny: string[]) => {
    const own = new Toolbox({ ...PARTS, audit: { record: () => {} }, lanes: workLanes() })
    own.addSource({ name: 'disk', tools: async () => current.tools, filter: { allow, deny } })
    return names(await own.specs())
  }
  assert.deepEqual(await listed(['*'], ['disk.w*', 'delete']), ['disk.read'])
  assert.deepEqual(await listed(['read', 'disk.delete'], []), ['disk.read', 'disk.delete'])
  assert.deepEqual(await listed(['disk'], []), [])
  assert.equal((await box.specs()).length, 6)
})

test('the names tools.find and tools.call belong to the gateway', () => {
  const { box } = toolbox()
  const tool = defineTool({ name: 'tools.find', description: '', input: Type.Object({}), run: async () => '' })
  assert.throws(() => box.add(tool), /'tools\.find'/)
  assert.throws(() => box.addSource({ name: 'tools', tools: async () => [] }), /'tools'/)
})
