import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { Type } from '@sinclair/typebox'
import { open } from '../../../db/client.ts'
import { defineTool, ToolError } from '../../../plugins/tools/define.ts'
import { fileTools } from '../../../plugins/tools/files.ts'
import { memoryTools } from '../../../plugins/tools/memory.ts'
import { shellTool } from '../../../plugins/tools/shell.ts'
import { Toolbox } from '../../../plugins/tools/toolbox.ts'
import { build, connect } from '../../helper.ts'
import { workLanes } from '../lanes/fixtures.ts'
import { bench, named, PARTS, silent } from './context.ts'

const OPTIONS = { sessionId: 'ws:1', signal: new AbortController().signal, log: silent, actor: 'token:test' }

function toolbox(limits: { toolArgsBytes: number; toolResultBytes: number }) {
  const box = new Toolbox({ ...PARTS, audit: { record: () => {} }, lanes: workLanes(), limits: () => limits })
  const input = Type.Object({ text: Type.String() })
  box.add(defineTool({ name: 'test.repeat', description: '', input, run: async ({ text }) => text.repeat(1000) }))
  const fail = async ({ text }: { text: string }) => {
    throw new ToolError('failed', { output: text.repeat(1000) })
  }
  box.add(defineTool({ name: 'test.fail', description: '', input, run: fail }))
  return box
}

test('arguments beyond limits.tool_args_bytes are refused with the key', async () => {
  const box = toolbox({ toolArgsBytes: 20, toolResultBytes: 1e6 })
  assert.equal((await box.run('test.repeat', { text: '12345678' }, OPTIONS)).success, true)
  const message = 'params.args of test.repeat take 21 bytes as JSON: limits.tool_args_bytes allows 20'
  await assert.rejects(box.execute('test.repeat', { text: '1234567890' }, OPTIONS), { code: -2, message })
  await assert.rejects(box.prepare('tools.call', { tool: 'test.repeat', args: { text: '1234567890' } }), /tool_args_bytes/)
})

test('a result beyond limits.tool_result_bytes is cut between characters', async () => {
  const box = toolbox({ toolArgsBytes: 1e6, toolResultBytes: 2001 })
  const note = '\n[cut: the first 2000 of 4000 bytes are shown, as limits.tool_result_bytes allows]'
  for (const name of ['test.repeat', 'test.fail']) {
    const { output } = await box.run(name, { text: 'éé' }, OPTIONS)
    assert.equal(output, 'é'.repeat(1000) + note, name)
  }
  assert.equal((await box.run('test.repeat', { text: 'é' }, OPTIONS)).output, 'é'.repeat(1000))
})

test('a full workspace takes no more files and starts no command', async (t) => {
  const { run, workspace } = await bench(t)
  const workspaceBytes = () => 1000
  const write = named(fileTools({ workspaceBytes }), 'file.write')
  const shell = shellTool({ workspaceBytes })
  await run(write, { path: 'a/one', content: 'x'.repeat(600) })
  await assert.rejects(run(write, { path: 'two', content: 'x'.repeat(401) }), /limits\.workspace_bytes allows 1000/)
  await run(write, { path: 'two', content: 'x'.repeat(400) })
  await run(write, { path: 'two', content: 'y'.repeat(400) })
  assert.equal(await run(shell, { command: 'echo fits' }), 'fits\n')
  await mkdir(join(workspace, 'b'))
  await writeFile(join(workspace, 'b', 'three'), 'x')
  await assert.rejects(run(shell, { command: 'echo full' }), /workspace is full: limits\.workspace_bytes/)
  await assert.rejects(run(write, { path: 'two', content: '' }), /limits\.workspace_bytes/)
})

test('a full memory namespace takes no more, and replaces texts', async (t) => {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  const tools = memoryTools({ memory: db.memory, maxBytes: () => 100 })
  const { context } = await bench(t)
  const put = (key: string, bytes: number, namespace: string, changes = {}) =>
    named(tools, 'memory.put').run({ key, value: 'x'.repeat(bytes), namespace }, { ...context, ...changes })
  await put('a', 60, 'n')
  await assert.rejects(put('b', 39, 'n'), {
    name: 'ToolError',
    message: "the memory 'n' is full: limits.memory_bytes allows 100 bytes"
  })
  await put('b', 38, 'n')
  await put('a', 60, 'n')
  await put('a', 99, 'm')
  const guest = { access: 'guest' as const, actor: 'telegram:1' }
  await put('a', 60, 'n', guest)
  await assert.rejects(put('a', 60, 'm', guest), /limits\.memory_bytes/, 'all namespaces of a guest together')
  await put('a', 60, 'm', { ...guest, actor: 'telegram:10' })
})

test('memory.search shows its results page by page', async (t) => {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  const tools = memoryTools({ memory: db.memory, maxBytes: () => 1e9, now: () => 1 })
  const { run } = await bench(t)
  const search = (args: object) => run(named(tools, 'memory.search'), { query: 'note', ...args })
  for (const n of [1, 2, 3]) await run(named(tools, 'memory.put'), { key: `note${n}`, value: `${n}` })
  assert.equal(await search({ limit: 2 }), 'note1: 1\n\nnote2: 2\n\n[more: continue with offset 2]')
  assert.equal(await search({ limit: 2, offset: 2 }), 'note3: 3')
  assert.equal(await search({ offset: 3 }), 'nothing more found')
  for (let n = 0; n < 6; n++) await run(named(tools, 'memory.put'), { key: `note${n}`, value: 'x'.repeat(60_000) })
  assert.match(await search({ limit: 50 }), /\[more: continue with offset 4\]$/)
})

test('system.capabilities shows the limits in force', async (t) => {
  const { url } = await build(t, { config: { limits: { tool_calls_per_step: 7 } } })
  const client = await connect(t, url)
  const { limits } = await client.call('system.capabilities')
  const MIB = 1024 * 1024
  const { workspaceBytes, memoryBytes, toolArgsBytes, toolResultBytes, toolCallsPerStep } = limits
  assert.deepEqual(
    [workspaceBytes, memoryBytes, toolArgsBytes, toolResultBytes, toolCallsPerStep],
    [512 * MIB, 8 * MIB, MIB, MIB, 7]
  )
})
