import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { checkpointsOf } from '../../db/checkpoints.ts'
import type { Db } from '../../db/client.ts'

const SESSION = 'ws:a'
const NAMESPACE = checkpointsOf(SESSION)
const count = { sessionId: SESSION, tokens: 10, contextWindow: 100 }
const compaction = { ...count, tokens: 3, messages: 2, summary: 'short', key: '2026', text: 'a checkpoint', now: 5 }

/** Context contract of every database. `open` makes a new, empty one that closes with the test. */
export function contextsContract(kind: string, open: (t: TestContext) => Promise<Db>): void {
  /** question, answer with a call, its result, question, answer */
  async function opened(t: TestContext): Promise<Db> {
    const db = await open(t)
    await db.sessions.open(SESSION, 1)
    for (const [n, role] of (['user', 'assistant', 'tool', 'user', 'assistant'] as const).entries()) {
      await db.messages.append({ sessionId: SESSION, runId: 'r', role, content: `m${n}`, createdAt: n })
    }
    return db
  }
  const history = async (db: Db) => (await db.messages.history(SESSION)).map(({ content }) => content)

  test(`${kind}: a count stays until the next one, and ends with the conversation`, async (t) => {
    const db = await opened(t)
    assert.equal((await db.contexts.get(SESSION))?.context, null)
    assert.equal(await db.contexts.get('ws:b'), undefined)
    await db.contexts.count(count)
    await db.contexts.count({ ...count, tokens: 20 })
    assert.deepEqual((await db.contexts.get(SESSION))?.context, { tokens: 20, countedTo: 5, contextWindow: 100, summary: null })
    await db.sessions.renew(SESSION)
    assert.equal((await db.contexts.get(SESSION))?.context, null)
    await assert.rejects(db.contexts.count({ ...count, sessionId: 'ws:gone' }), /foreign key/i)
  })

  test(`${kind}: a compaction replaces the first messages, and they can still be shown`, async (t) => {
    const db = await opened(t)
    await db.contexts.compact(compaction)
    assert.deepEqual(await history(db), ['m3', 'm4'])
    assert.deepEqual((await db.contexts.get(SESSION))?.context, { tokens: 3, countedTo: 5, contextWindow: 100, summary: 'short' })
    assert.equal((await db.memory.get(NAMESPACE, '2026'))?.value, 'a checkpoint')
    assert.equal((await db.messages.page(SESSION, { limit: 50, bytes: 1000 })).length, 5)
    await db.contexts.count(count)
    assert.equal((await db.contexts.get(SESSION))?.context?.summary, 'short')

    // From where the first one ended.
    await db.contexts.compact({ ...compaction, messages: 1 })
    assert.deepEqual(await history(db), ['m4'])
    await db.contexts.compact({ ...compaction, messages: 7 })
    assert.deepEqual(await history(db), [])
  })

  test(`${kind}: a compaction that fails has changed nothing`, async (t) => {
    const db = await opened(t)
    await assert.rejects(db.contexts.compact({ ...compaction, summary: null as never, tokens: null as never }))
    assert.equal((await history(db)).length, 5)
    assert.equal(await db.memory.get(NAMESPACE, '2026'), undefined)
  })

  test(`${kind}: a session keeps its twenty newest checkpoints until it is deleted`, async (t) => {
    const db = await opened(t)
    await db.contexts.checkpoint({ sessionId: 'ws:b', key: 'k', text: 'of another', now: 0 })
    for (let n = 0; n < 25; n++) await db.contexts.checkpoint({ sessionId: SESSION, key: `k${n}`, text: 'text', now: n })
    const kept = await db.memory.search(NAMESPACE, 'text', 100)
    assert.deepEqual([kept.length, kept[0]?.key, kept.at(-1)?.key], [20, 'k24', 'k5'])
    await db.sessions.remove(SESSION)
    assert.deepEqual(await db.memory.search(NAMESPACE, 'text', 100), [])
    assert.equal((await db.memory.get(checkpointsOf('ws:b'), 'k'))?.value, 'of another')
  })

  test(`${kind}: counted sessions are listed by latest message, limited`, async (t) => {
    const db = await opened(t)
    for (const [n, id] of ['ws:b', 'ws:c', 'ws:d'].entries()) {
      await db.sessions.open(id, 1)
      await db.messages.append({ sessionId: id, runId: 'r', role: 'user', content: 'hello', createdAt: 10 + n })
      if (id !== 'ws:d') await db.contexts.count({ ...count, sessionId: id })
    }
    await db.contexts.count(count)
    await db.sessions.configure('ws:c', { modelTier: 'fast' }, 1)
    assert.deepEqual(await db.contexts.list(2), [
      { sessionId: 'ws:c', config: { modelTier: 'fast' }, tokens: 10 },
      { sessionId: 'ws:b', config: {}, tokens: 10 }
    ])
  })
}

test('the checkpoints of two sessions are never in one namespace', () => {
  assert.equal(checkpointsOf('ws:abc-123'), 'session/checkpoints/ws/abc-123')
  const ids = ['a:b/c', 'a/b:c', 'a%2Fb:c', 'a:b:c', 'a:/b']
  assert.equal(new Set(ids.map(checkpointsOf)).size, ids.length)
})
