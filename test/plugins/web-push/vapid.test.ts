import assert from 'node:assert/strict'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { vapidKeys } from '../../../plugins/web-push/vapid.ts'
import { scratch } from '../../helper.ts'

test('the keys are made once, readable by their owner alone, and are the same ever after', async (t) => {
  const folder = await scratch(t)
  const keys = await vapidKeys(folder)
  assert.equal(Buffer.from(keys.publicKey, 'base64url').length, 65)
  assert.equal(Buffer.from(keys.privateKey, 'base64url').length, 32)
  const file = join(folder, 'vapid.json')
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  assert.deepEqual(await vapidKeys(folder), keys)
  assert.deepEqual(await readdir(folder), ['vapid.json'])
})

test('of several that start at once all have the keys of the first', async (t) => {
  const folder = await scratch(t)
  const [first, ...others] = await Promise.all(Array.from({ length: 8 }, () => vapidKeys(folder)))
  for (const keys of others) assert.deepEqual(keys, first)
  assert.deepEqual(await readdir(folder), ['vapid.json'])
})

test('a file without keys is an error that says what to do, and is not replaced', async (t) => {
  const folder = await scratch(t)
  const file = join(folder, 'vapid.json')
  for (const text of ['', '{}', 'null', '{"publicKey":"x","privateKey":"y"}']) {
    await writeFile(file, text)
    await assert.rejects(vapidKeys(folder), /vapid\.json in the data folder holds no keys/)
    assert.equal(await readFile(file, 'utf8'), text)
  }
})
