import assert from 'node:assert/strict'
import { constants } from 'node:fs'
import { lstat, mkdir, readdir, readFile, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import test from 'node:test'
import fc from 'fast-check'
import { ToolError } from '../../../plugins/tools/define.ts'
import { fileTools } from '../../../plugins/tools/files.ts'
import { openFile, openWorkspace, workspacePath } from '../../../plugins/tools/workspace.ts'
import { bench, folder, named } from './context.ts'

const sessionIds = fc.oneof(fc.string({ unit: 'binary', maxLength: 256 }), fc.string({ maxLength: 256 }))

test('whatever a session id holds, its workspace is one plain folder name below workspaces', () => {
  const awkward = fc.constantFrom(
    '../../etc/passwd',
    '..',
    '.',
    '',
    '/',
    'a/../b',
    'con',
    'nul\0',
    '%2e%2e%2f',
    'x'.repeat(256),
    '🦊'.repeat(128)
  )
  fc.assert(
    fc.property(fc.oneof(sessionIds, awkward), (id) => {
      const path = workspacePath('/data', id)
      assert.equal(dirname(path), join('/data', 'workspaces'))
      assert.match(basename(path), /^[a-z0-9-]{65,97}$/)
    })
  )
})

test('two session ids never share a workspace, whether they differ in case or only in half a character', () => {
  const pairs = fc.oneof(
    fc.tuple(sessionIds, sessionIds),
    sessionIds.map((id): [string, string] => [id.toLowerCase(), id.toUpperCase()]),
    fc
      .tuple(fc.integer({ min: 0xd800, max: 0xdfff }), fc.integer({ min: 0xd800, max: 0xdfff }))
      .map(([a, b]): [string, string] => [`ws:${String.fromCharCode(a)}`, `ws:${String.fromCharCode(b)}`])
  )
  fc.assert(
    fc.property(pairs, ([one, other]) => {
      const same = workspacePath('/data', one).toLowerCase() === workspacePath('/data', other).toLowerCase()
      assert.equal(same, one === other)
    }),
    { numRuns: 1000 }
  )
})

test('a workspace is made on first use, for the user of the gateway only', async (t) => {
  const workspace = workspacePath(await folder(t), 'telegram:123456')
  assert.equal(await openWorkspace(workspace), workspace)
  assert.equal((await stat(workspace)).mode & 0o777, 0o700)
  assert.equal((await stat(dirname(workspace))).mode & 0o777, 0o700)
  await writeFile(join(workspace, 'kept'), '')
  await openWorkspace(workspace)
  assert.deepEqual(await readdir(workspace), ['kept'])
})

test('a workspace that was replaced by a link is refused', async (t) => {
  const { workspace, run } = await bench(t)
  const outside = await folder(t)
  await writeFile(join(outside, 'secret'), 'not for you')
  await symlink(outside, workspace)
  for (const tool of fileTools({ workspaceBytes: () => 512 * 1024 * 1024 })) {
    await assert.rejects(run(tool, { path: 'secret', content: 'x' }), { name: 'ToolError', message: /no longer a folder/ })
  }
  assert.equal(await readFile(join(outside, 'secret'), 'utf8'), 'not for you')
})

/** Every file below a folder with its content; links with their targets. */
async function contents(root: string): Promise<Record<string, string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const read = await Promise.all(
    files.map(async (file) => [join(file.parentPath, file.name), await readFile(join(file.parentPath, file.name), 'utf8')])
  )
  return Object.fromEntries(read)
}

test('no path, however it is put together, reads or writes outside the workspace', async (t) => {
  const { workspace, run } = await bench(t)
  const outside = await folder(t)
  const secret = 'the secret of the outside'
  const [read, write, list] = ['file.read', 'file.write', 'file.list'].map((name) =>
    named(fileTools({ workspaceBytes: () => 512 * 1024 * 1024 }), name)
  )
  const segment = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom('..', '.', '', 'a', 'b', 'inner', 'out', 'out-file', 'up', 'dangling', 'loop', 'parent')
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom('%2e%2e', '..%2f', '..\\', '\0', '...', '~', 'a\n', '. .', '．．', outside.slice(1))
    },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) }
  )
  const path = fc
    .tuple(fc.constantFrom('', '', '', '/', './', '//', '\\', `${outside}/`), fc.array(segment, { minLength: 1, maxLength: 5 }))
    .map(([start, parts]) => start + parts.join('/'))

  await fc.assert(
    fc
      .asyncProperty(path, async (path) => {
        const before = await contents(outside)
        await run(write!, { path, content: 'written' }).catch(expected)
        assert.deepEqual(await contents(outside), before)
        const got = await run(read!, { path }).catch(expected)
        assert.notEqual(got, secret)
        const listed = await run(list!, { path }).catch(expected)
        assert.doesNotMatch(String(listed), /outside-only/)
      })
      .beforeEach(async () => {
        await rm(workspace, { recursive: true, force: true })
        await mkdir(join(workspace, 'inner'), { recursive: true })
        await writeFile(join(outside, 'outside-only'), secret)
        await symlink(outside, join(workspace, 'out'))
        await symlink(join(outside, 'outside-only'), join(workspace, 'out-file'))
        await symlink('..', join(workspace, 'inner', 'parent'))
        await symlink('../..', join(workspace, 'inner', 'up'))
        await symlink(join(outside, 'not-there-yet'), join(workspace, 'dangling'))
        await symlink('loop', join(workspace, 'loop'))
      }),
    { numRuns: 300 }
  )

  /** Refusals are fine; an unexpected error would be a hole in the check. */
  function expected(cause: unknown): undefined {
    if (!(cause instanceof ToolError)) throw cause
    assert.ok(!cause.message.includes(dirname(workspace)), `the message holds a path of the server: ${cause.message}`)
    return undefined
  }
})

test('a link to something that does not exist yet is refused: writing through it would make that', async (t) => {
  const { workspace, run } = await bench(t)
  const outside = await folder(t)
  await openWorkspace(workspace)
  await symlink(join(outside, 'new'), join(workspace, 'link'))
  await symlink(join(outside, 'folder'), join(workspace, 'deep'))
  const write = named(fileTools({ workspaceBytes: () => 512 * 1024 * 1024 }), 'file.write')
  await assert.rejects(run(write, { path: 'link', content: 'x' }), { name: 'ToolError', message: /link that leads nowhere/ })
  await assert.rejects(run(write, { path: 'deep/file', content: 'x' }), { name: 'ToolError', message: /link that leads nowhere/ })
  assert.deepEqual(await readdir(outside), [])
})

test('a link that stays in the workspace is followed', async (t) => {
  const { workspace, run } = await bench(t)
  await openWorkspace(workspace)
  await mkdir(join(workspace, 'real'))
  await symlink('real', join(workspace, 'alias'))
  await run(named(fileTools({ workspaceBytes: () => 512 * 1024 * 1024 }), 'file.write'), { path: 'alias/note', content: 'hello' })
  assert.equal(await readFile(join(workspace, 'real', 'note'), 'utf8'), 'hello')
  assert.ok((await lstat(join(workspace, 'alias'))).isSymbolicLink())
})

test('a workspace below a data folder that is itself a link works', async (t) => {
  const real = await folder(t)
  const link = join(await folder(t), 'data')
  await symlink(real, link)
  const root = await openWorkspace(workspacePath(link, 'ws:1'))
  assert.ok(root.startsWith((await realpath(real)) + sep))
})

test('a path that was exchanged for a link between the check and the opening is refused', async (t) => {
  const root = await folder(t)
  const outside = await folder(t)
  await writeFile(join(outside, 'file'), 'kept')
  await symlink(join(outside, 'file'), join(root, 'file'))
  await symlink(outside, join(root, 'folder'))
  for (const flags of [constants.O_RDONLY, constants.O_WRONLY | constants.O_CREAT]) {
    await assert.rejects(openFile(root, join(root, 'file'), flags), { code: 'ELOOP' })
    await assert.rejects(openFile(root, join(root, 'folder', 'file'), flags), { name: 'ToolError', message: /changed while/ })
  }
  assert.equal(await readFile(join(outside, 'file'), 'utf8'), 'kept')
})
