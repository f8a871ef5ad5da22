import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import fc from 'fast-check'
import type { Db, NewMessage } from '../../db/client.ts'
import { rounds } from '../rounds.ts'

/** Contract of the search of every database. `open` makes a new, empty one that closes with the test. */
export function searchContract(kind: string, open: (t: TestContext) => Promise<Db>): void {
  const say = async (db: Db, content: string, message: Partial<NewMessage> = {}): Promise<number> => {
    const sessionId = message.sessionId ?? 'ws:a'
    await db.sessions.open(sessionId, 1)
    return await db.messages.append({ sessionId, runId: 'r', role: 'user', content, createdAt: 1000, ...message })
  }
  const found = async (db: Db, text: string, query: Partial<Parameters<Db['search']['messages']>[0]> = {}) =>
    (await db.search.messages({ text, limit: 10, ...query })).map(({ id }) => id)

  test(`${kind}: messages are found by the beginnings of all words, newest first`, async (t) => {
    const db = await open(t)
    const first = await say(db, 'The nightly Backup is complete.')
    const second = await say(db, 'backups, every night', { role: 'assistant' })
    await say(db, 'backup nightly', { role: 'tool' })
    assert.deepEqual(await found(db, 'BACK'), [second, first])
    assert.deepEqual(await found(db, 'back nightly'), [first])
    assert.deepEqual(await found(db, 'night-back'), [second, first])
    assert.deepEqual(await found(db, 'ackup'), [])
    assert.deepEqual(await found(db, 'back', { limit: 1 }), [second])
    assert.deepEqual(await found(db, 'back', { before: second }), [first])
    const [row] = await db.search.messages({ text: 'complete', limit: 1 })
    assert.deepEqual(row, {
      id: first,
      sessionId: 'ws:a',
      runId: 'r',
      role: 'user',
      createdAt: 1000,
      text: 'The nightly Backup is complete.',
      title: 'The nightly Backup is complete.'
    })
  })

  test(`${kind}: a search keeps to one session or frontend`, async (t) => {
    const db = await open(t)
    const a = await say(db, 'needle')
    const b = await say(db, 'needle', { sessionId: 'ws:b' })
    const c = await say(db, 'needle', { sessionId: 'telegram:a' })
    assert.deepEqual(await found(db, 'needle'), [c, b, a])
    assert.deepEqual(await found(db, 'needle', { sessionId: 'ws:b' }), [b])
    assert.deepEqual(await found(db, 'needle', { frontend: 'ws', limit: 1 }), [b])
    assert.deepEqual(await found(db, 'needle', { frontend: 'ws', before: b }), [a])
  })

  test(`${kind}: a replaced text is found by its new words only`, async (t) => {
    const db = await open(t)
    const id = await say(db, 'before', { role: 'assistant', status: 'partial' })
    await db.messages.update({ id, content: 'afterwards', parts: null, status: 'complete' })
    assert.deepEqual([await found(db, 'before'), await found(db, 'after')], [[], [id]])
  })

  test(`${kind}: a deleted message is not found, whatever deletes it`, async (t) => {
    const db = await open(t)
    await say(db, 'needle one', { createdAt: 1 })
    const kept = await say(db, 'needle two', { sessionId: 'ws:b', createdAt: 5 })
    await say(db, 'needle three', { sessionId: 'ws:c', createdAt: 6 })
    assert.equal(await db.messages.purge(3), 1)
    assert.deepEqual(await found(db, 'one'), [])
    await db.sessions.remove('ws:c')
    assert.deepEqual(await found(db, 'needle'), [kept])
    while (await db.search.compact());
    assert.deepEqual(await found(db, 'needle'), [kept])
  })

  test(`${kind}: any text has an answer, and finds the message that is it`, async (t) => {
    const db = await open(t)
    const hostile = fc.stringMatching(/^["'*()^:+\-{}\\|&!<>~ \0aANDORNOTEARé字]{0,40}$/)
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), hostile), async (text) => {
        await found(db, text)
      }),
      { numRuns: rounds(40) }
    )
    for (const text of ['NEAR(a b)', 'a AND b', 'content:x', '"quoted', "it's", 'x*', '-x', '(x', 'straße', '日本語']) {
      const id = await say(db, text)
      assert.ok((await found(db, text)).includes(id), text)
    }
    assert.deepEqual(await found(db, '%'), [])
    await say(db, 'x '.repeat(100_000))
    assert.equal((await db.search.messages({ text: 'x', limit: 1 }))[0]?.text.length, 32_768)
  })
}
