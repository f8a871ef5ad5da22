import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { type Db, open } from '../../../db/client.ts'
import { MAX_VALUE_BYTES, memoryTools } from '../../../plugins/tools/memory.ts'
import { type Bench, bench, named } from './context.ts'

async function database(t: TestContext): Promise<Db> {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  return db
}

/** The memory tools over a real database, as one session after the other sees them. */
async function memory(
  t: TestContext
): Promise<{ db: Db; as(sessionId: string): Promise<(name: string, args: object) => Promise<string>> }> {
  const db = await database(t)
  let time = 0
  const tools = memoryTools({ maxBytes: () => 8 * 1024 * 1024, memory: db.memory, now: () => ++time })
  return {
    db,
    async as(sessionId) {
      const { run }: Bench = await bench(t, sessionId)
      return (name, args) => run(named(tools, `memory.${name}`), args as Record<string, unknown>)
    }
  }
}

test('what one conversation remembers another one can read and find', async (t) => {
  const { as } = await memory(t)
  const alice = await as('telegram:1')
  const bob = await as('telegram:2')
  assert.equal(await alice('put', { key: 'coffee', value: 'black, no sugar' }), "stored under 'coffee' in 'notes'")
  await alice('put', { key: 'tea', value: 'with sugar' })
  assert.equal(await bob('get', { key: 'coffee' }), 'black, no sugar')
  assert.equal(await bob('search', { query: 'SUGAR' }), 'tea: with sugar\n\ncoffee: black, no sugar')
  assert.equal(await bob('search', { query: 'sugar', limit: 1 }), 'tea: with sugar\n\n[more: continue with offset 1]')
  assert.equal(await bob('search', { query: 'salt' }), 'nothing found')
})

test('namespaces are apart, and a later text replaces an earlier one', async (t) => {
  const { as } = await memory(t)
  const run = await as('ws:1')
  await run('put', { key: 'a', value: 'first' })
  await run('put', { key: 'a', value: 'second' })
  await run('put', { key: 'a', value: 'elsewhere', namespace: 'work' })
  assert.equal(await run('get', { key: 'a' }), 'second')
  assert.equal(await run('get', { key: 'a', namespace: 'work' }), 'elsewhere')
  assert.equal(await run('search', { query: 'elsewhere' }), 'nothing found')
  await assert.rejects(run('get', { key: 'b' }), { name: 'ToolError', message: "nothing is stored under 'b' in 'notes'" })
})

test('a value over the limit is refused in bytes', async (t) => {
  const { as } = await memory(t)
  const run = await as('ws:1')
  await run('put', { key: 'a', value: 'é'.repeat(MAX_VALUE_BYTES / 2) })
  await assert.rejects(run('put', { key: 'a', value: 'é'.repeat(MAX_VALUE_BYTES / 2 + 1) }), {
    name: 'ToolError',
    message: 'the value is 65538 bytes long; at most 65536 are allowed'
  })
})

test('the checkpoint of a session is read by that session only, and written by no tool', async (t) => {
  const { db, as } = await memory(t)
  const namespace = 'session/checkpoints/telegram/1'
  await db.memory.put({ namespace, key: 'summary', value: 'what was said', updatedAt: 1 })
  const owner = await as('telegram:1')
  assert.equal(await owner('get', { namespace, key: 'summary' }), 'what was said')
  assert.equal(await owner('search', { namespace, query: 'said' }), 'summary: what was said')
  const other = await as('telegram:2')
  const belongs = { name: 'ToolError', message: /belongs to another session/ }
  await assert.rejects(other('get', { namespace, key: 'summary' }), belongs)
  await assert.rejects(other('search', { namespace, query: 'said' }), belongs)
  await assert.rejects(owner('put', { namespace, key: 'summary', value: 'forged' }), {
    name: 'ToolError',
    message: /are not written by tools/
  })
})
