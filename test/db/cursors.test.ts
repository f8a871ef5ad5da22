import assert from 'node:assert/strict'
import test from 'node:test'
import { open } from '../../db/client.ts'

test('a cursor keeps its newest value by name', async (t) => {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  assert.equal(await db.cursors.get('a'), undefined)
  await db.cursors.put('a', '1')
  await db.cursors.put('b', '2')
  await db.cursors.put('a', '3')
  assert.deepEqual([await db.cursors.get('a'), await db.cursors.get('b')], ['3', '2'])
})
