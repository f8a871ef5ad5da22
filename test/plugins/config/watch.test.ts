import assert from 'node:assert/strict'
import { rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { FileWatch } from '../../../plugins/config/index.ts'
import { folder } from './folder.ts'

async function rig(t: TestContext, content?: string) {
  const cwd = await folder(t, content === undefined ? {} : { 'flynn.yaml': content })
  const file = join(cwd, 'flynn.yaml')
  const told: string[] = []
  const watch = new FileWatch({ file, changed: () => told.push('changed'), emptied: () => told.push('emptied') })
  await watch.mark()
  /** Reports of a number of looks. */
  const looks = async (count: number): Promise<string[]> => {
    for (let look = 0; look < count; look++) await watch.look()
    return told.splice(0)
  }
  return { cwd, file, looks }
}

test('a change is reported once, when the file has settled', async (t) => {
  const { file, looks } = await rig(t, 'a: 1\n')
  assert.deepEqual(await looks(3), [])
  await writeFile(file, 'a: 12\n')
  assert.deepEqual(await looks(1), [])
  await writeFile(file, 'a: 123\n')
  assert.deepEqual(await looks(1), [])
  assert.deepEqual(await looks(1), ['changed'])
  assert.deepEqual(await looks(3), [])
})

test('a file of the same length and one that an editor renames into its place are other files', async (t) => {
  const { cwd, file, looks } = await rig(t, 'a: 1\n')
  await writeFile(file, 'a: 2\n')
  await utimes(file, new Date(1000), new Date(1000))
  assert.deepEqual(await looks(2), ['changed'])
  await writeFile(join(cwd, 'new'), 'a: 3\n')
  await utimes(join(cwd, 'new'), new Date(1000), new Date(1000))
  await rename(join(cwd, 'new'), file)
  assert.deepEqual(await looks(2), ['changed'])
})

test('a new file is reported, a removed one is not', async (t) => {
  const { file, looks } = await rig(t)
  assert.deepEqual(await looks(2), [])
  await writeFile(file, 'a: 1\n')
  assert.deepEqual(await looks(2), ['changed'])
  await rm(file)
  assert.deepEqual(await looks(3), [])
  await writeFile(file, 'a: 2\n')
  assert.deepEqual(await looks(2), ['changed'])
})

test('an emptied file is reported as such', async (t) => {
  const { file, looks } = await rig(t, 'a: 1\n')
  await writeFile(file, '')
  assert.deepEqual(await looks(3), ['emptied'])
  await writeFile(file, 'a: 1\n')
  assert.deepEqual(await looks(3), ['changed'])
})

test('links are followed, as those of a Kubernetes volume are turned', async (t) => {
  const { cwd, file, looks } = await rig(t)
  await writeFile(join(cwd, 'one'), 'a: 1\n')
  await writeFile(join(cwd, 'two'), 'a: 2\n')
  await symlink('one', join(cwd, 'data'))
  await symlink('data', file)
  assert.deepEqual(await looks(2), ['changed'])
  await symlink('two', join(cwd, 'next'))
  await rename(join(cwd, 'next'), join(cwd, 'data'))
  assert.deepEqual(await looks(2), ['changed'])
})
