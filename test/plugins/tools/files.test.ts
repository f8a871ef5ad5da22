import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import fc from 'fast-check'
import { fileTools, MAX_ENTRIES, MAX_FILE_BYTES } from '../../../plugins/tools/files.ts'
import { openWorkspace } from '../../../plugins/tools/workspace.ts'
import { bench, named } from './context.ts'

const read = named(fileTools({ workspaceBytes: () => 512 * 1024 * 1024 }), 'file.read')
const write = named(fileTools({ workspaceBytes: () => 512 * 1024 * 1024 }), 'file.write')
const list = named(fileTools({ workspaceBytes: () => 512 * 1024 * 1024 }), 'file.list')

test('a written file is read again, with missing folders created', async (t) => {
  const { workspace, run } = await bench(t)
  assert.equal(await run(write, { path: 'notes/2025/today.md', content: 'Grüße\n' }), 'wrote 8 bytes to notes/2025/today.md')
  assert.equal(await run(read, { path: 'notes/2025/today.md' }), 'Grüße\n')
  assert.equal((await stat(join(workspace, 'notes/2025/today.md'))).mode & 0o077, 0)
})

test('writing replaces the whole content', async (t) => {
  const { run } = await bench(t)
  await run(write, { path: 'a', content: 'a long first version' })
  await run(write, { path: './a', content: 'short' })
  assert.equal(await run(read, { path: 'a' }), 'short')
})

test('a large text is read piece by piece, no character lost or broken', async (t) => {
  const { workspace, run } = await bench(t)
  await openWorkspace(workspace)
  // So that the limit falls into the middle of a character.
  const text = `xx${'aé🦊'.repeat(400_000)}`
  await writeFile(join(workspace, 'large'), text)
  let whole = ''
  for (let offset: number | undefined = 0; offset !== undefined; ) {
    const piece: string = await run(read, { path: 'large', offset })
    const cut = /\n\[cut: bytes \d+ to \d+ of \d+; read on with offset (\d+)\]$/.exec(piece)
    whole += cut ? piece.slice(0, cut.index) : piece
    offset = cut ? Number(cut[1]) : undefined
  }
  assert.ok(Buffer.byteLength(text) > 2 * MAX_FILE_BYTES)
  assert.equal(whole, text)
})

test('reading behind the end gives nothing', async (t) => {
  const { run } = await bench(t)
  await run(write, { path: 'a', content: 'abc' })
  assert.equal(await run(read, { path: 'a', offset: 3 }), '')
  assert.equal(await run(read, { path: 'a', offset: 1000 }), '')
})

test('content over the limit is refused in bytes, not in characters, and nothing is written', async (t) => {
  const { workspace, run } = await bench(t)
  const content = 'é'.repeat(MAX_FILE_BYTES / 2 + 1)
  await assert.rejects(run(write, { path: 'a', content }), { name: 'ToolError', message: /1048578 bytes long; at most 1048576/ })
  await assert.rejects(stat(join(workspace, 'a')), { code: 'ENOENT' })
})

test('a file that is not text is refused', async (t) => {
  const { workspace, run } = await bench(t)
  await openWorkspace(workspace)
  await writeFile(join(workspace, 'image'), Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff, 0xd8]))
  await writeFile(join(workspace, 'nul'), 'text\0text')
  for (const path of ['image', 'nul']) {
    await assert.rejects(run(read, { path }), { name: 'ToolError', message: `'${path}' is not a text file` })
  }
})

test('folders and pipes are not read or written', async (t) => {
  const { workspace, run } = await bench(t)
  await openWorkspace(workspace)
  await mkdir(join(workspace, 'folder'))
  execFileSync('mkfifo', [join(workspace, 'pipe')])
  await assert.rejects(run(read, { path: 'folder' }), { name: 'ToolError', message: /not a regular file/ })
  await assert.rejects(run(write, { path: 'folder', content: '' }), { name: 'ToolError', message: "'folder' is a folder" })
  await assert.rejects(run(read, { path: 'pipe' }), { name: 'ToolError', message: /not a regular file/ })
  await assert.rejects(run(write, { path: 'pipe', content: '' }), { name: 'ToolError', message: /not a regular file/ })
})

test('what cannot be done is said in words, without a path of the server', async (t) => {
  const { run } = await bench(t)
  await run(write, { path: 'file', content: '' })
  const cases: [typeof read, string, RegExp][] = [
    [read, 'none', /^'none' does not exist$/],
    [read, 'file/below', /^'file\/below' is not a folder, or leads/],
    [list, 'none', /^'none' does not exist$/],
    [list, 'file', /^'file' is not a folder/],
    [read, 'x'.repeat(300), /too long/],
    [read, '/etc/passwd', /without a leading \/$/],
    [read, '../x', /'\.\.' is not allowed$/],
    [read, 'a\\b', /with \//],
    [read, 'a\0b', /control characters/]
  ]
  for (const [tool, path, message] of cases) await assert.rejects(run(tool, { path }), { name: 'ToolError', message })
})

test('a folder is listed in order, each entry as what it is', async (t) => {
  const { workspace, run } = await bench(t)
  assert.equal(await run(list, {}), '(empty)')
  await run(write, { path: 'b.txt', content: 'four' })
  await run(write, { path: 'a/inner', content: '' })
  await symlink('/etc', join(workspace, 'link'))
  await writeFile(join(workspace, 'two\nlines'), '')
  assert.equal(await run(list, {}), 'a/\nb.txt 4\nlink@\ntwo?lines 0')
  assert.equal(await run(list, { path: 'a' }), 'inner 0')
})

test('a folder with too many entries is listed in part, and says so', async (t) => {
  const { workspace, run } = await bench(t)
  await openWorkspace(workspace)
  const names = Array.from({ length: MAX_ENTRIES + 1 }, (_, index) => `f${index}`)
  await Promise.all(names.map((name) => writeFile(join(workspace, name), '')))
  const lines = (await run(list, {})).split('\n')
  assert.equal(lines.length, MAX_ENTRIES + 1)
  assert.equal(lines.at(-1), `[cut: only ${MAX_ENTRIES} entries are shown]`)
})

test('any text survives the way to the disk and back', async (t) => {
  const { workspace, run } = await bench(t)
  const text = fc.string({ unit: 'grapheme', maxLength: 200 }).filter((value) => !value.includes('\0'))
  await fc.assert(
    fc.asyncProperty(text, async (content) => {
      await run(write, { path: 'any', content })
      assert.equal(await run(read, { path: 'any' }), content)
      assert.equal(await readFile(join(workspace, 'any'), 'utf8'), content)
    })
  )
})
