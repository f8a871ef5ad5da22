import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import fc from 'fast-check'
import type { Db, MessageRow, NewMessage } from '../../db/client.ts'
import { rounds } from '../rounds.ts'

/** Contract of session lists, read marks and pages of every database. `open` makes a new, empty one that closes with the test. */
export function sessionListContract(kind: string, open: (t: TestContext) => Promise<Db>): void {
  const say = async (db: Db, sessionId: string, message: Partial<NewMessage> = {}): Promise<number> => {
    await db.sessions.open(sessionId, 1)
    return await db.messages.append({ sessionId, runId: 'r', role: 'user', content: 'Hello', createdAt: 1000, ...message })
  }
  const listed = async (db: Db, query: Partial<Parameters<Db['sessions']['list']>[0]> = {}) => {
    const { rows, total } = await db.sessions.list({ limit: 50, offset: 0, ...query })
    assert.equal(total, rows.length)
    return rows.map(({ id }) => id.slice(3))
  }
  const one = async (db: Db, principal = 'me') => {
    const { rows } = await db.sessions.list({ limit: 1, offset: 0, principal })
    return rows[0]!
  }

  test(`${kind}: the first message gives a title, a person's title stays`, async (t) => {
    const db = await open(t)
    await say(db, 'ws:a', { role: 'assistant', content: 'Good morning' })
    assert.equal((await one(db)).title, null)
    await say(db, 'ws:a', { content: '\n  What is\u0007 up?\nsecond line' })
    await say(db, 'ws:a', { content: 'Another' })
    assert.deepEqual([(await one(db)).title, (await one(db)).titledBy], ['What is up?', 'message'])
    await db.sessions.renew('ws:a')
    await say(db, 'ws:a', { content: 'x'.repeat(200) })
    assert.equal((await one(db)).title, `${'x'.repeat(80)}…`)
    await db.sessions.retitle('ws:a', 'Better')
    await db.sessions.retitle('ws:a', 'Once only')
    assert.deepEqual([(await one(db)).title, (await one(db)).titledBy], ['Better', 'model'])
    await db.sessions.update('ws:a', { title: 'Mine', titledBy: 'person' })
    await db.sessions.retitle('ws:a', 'Never')
    await db.sessions.renew('ws:a')
    await say(db, 'ws:a', { content: 'Later' })
    assert.deepEqual([(await one(db)).title, (await one(db)).titledBy], ['Mine', 'person'])
  })

  test(`${kind}: tokens of answers add up, also of one that is replaced`, async (t) => {
    const db = await open(t)
    await say(db, 'ws:a')
    await say(db, 'ws:a', { role: 'assistant', usage: { inputTokens: 10, outputTokens: 2 } })
    const id = await say(db, 'ws:a', { role: 'assistant', status: 'partial' })
    await db.messages.update({ id, content: 'Hi', parts: null, status: 'partial' })
    await db.messages.update({ id, content: 'Hi!', parts: null, status: 'complete', usage: { inputTokens: 20, outputTokens: 3 } })
    const { inputTokens, outputTokens, preview } = await one(db)
    assert.deepEqual([inputTokens, outputTokens, preview], [30, 5, 'Hi!'])
  })

  test(`${kind}: lists filter by archive, pin, time, title and ids`, async (t) => {
    const db = await open(t)
    for (const [n, id] of ['a', 'b', 'c', 'd'].entries()) await say(db, `ws:${id}`, { createdAt: n, content: `Title ${id}` })
    await db.sessions.update('ws:a', { archived: true, pinned: true })
    await db.sessions.update('ws:b', { archived: true })
    assert.deepEqual(await listed(db, { archived: true }), ['b', 'a'])
    assert.deepEqual(await listed(db, { archived: false }), ['d', 'c'])
    assert.deepEqual(await listed(db, { pinned: true }), ['a'])
    assert.deepEqual(await listed(db, { pinned: false, archived: true }), ['b'])
    assert.deepEqual(await listed(db, { since: 1, until: 3 }), ['c', 'b'])
    assert.deepEqual(await listed(db, { text: 'title C' }), ['c'])
    assert.deepEqual(await listed(db, { text: '%' }), [])
    assert.deepEqual(await listed(db, { except: ['ws:a', 'ws:d'] }), ['c', 'b'])
    await say(db, 'ws:b', { role: 'assistant', createdAt: 2 })
    assert.deepEqual(await listed(db, { archived: true }), ['b', 'a'])
    await say(db, 'ws:b', { createdAt: 4 })
    assert.deepEqual(await listed(db, { archived: true }), ['a'])
  })

  test(`${kind}: lists are sorted by what is asked for, in both directions`, async (t) => {
    const db = await open(t)
    const usage = (outputTokens: number) => ({ inputTokens: 0, outputTokens })
    await say(db, 'ws:a', { content: 'beta', createdAt: 5, usage: usage(1) })
    await say(db, 'ws:b', { content: 'alpha', createdAt: 4, usage: usage(3) })
    await say(db, 'ws:c', { content: 'gamma', createdAt: 3, usage: usage(2) })
    await say(db, 'ws:c', { createdAt: 3 })
    await db.sessions.open('ws:d', 9)
    assert.deepEqual(await listed(db, { sort: 'title' }), ['c', 'a', 'b', 'd'])
    assert.deepEqual(await listed(db, { sort: 'tokens' }), ['b', 'c', 'a', 'd'])
    assert.deepEqual(await listed(db, { sort: 'messageCount', ascending: true }), ['d', 'a', 'b', 'c'])
    assert.deepEqual(await listed(db, { sort: 'createdAt' }), ['d', 'c', 'b', 'a'])
    assert.deepEqual(await listed(db, { ascending: true }), ['d', 'c', 'b', 'a'])
  })

  test(`${kind}: a read mark belongs to one caller and never moves back`, async (t) => {
    const db = await open(t)
    await say(db, 'ws:a')
    const first = await say(db, 'ws:a', { role: 'assistant' })
    await say(db, 'ws:a', { role: 'tool' })
    await say(db, 'ws:a', { role: 'assistant' })
    const unread = async (principal: string) => (await one(db, principal)).unread
    assert.equal(await unread('me'), 2)
    await db.sessions.markRead('ws:a', 'me', first)
    assert.deepEqual([await unread('me'), await unread('you')], [1, 2])
    await db.sessions.markRead('ws:a', 'me')
    await db.sessions.markRead('ws:a', 'me', first)
    assert.equal(await unread('me'), 0)
    // A mark beyond the end covers no later message.
    await db.sessions.markRead('ws:a', 'me', 1_000_000)
    for (let n = 0; n < 120; n++) await say(db, 'ws:a', { role: 'assistant' })
    assert.equal(await unread('me'), 100)
    await db.sessions.remove('ws:a')
    await say(db, 'ws:a', { role: 'assistant' })
    assert.equal(await unread('me'), 1)
  })

  test(`${kind}: paging forward shows each message once, tool results with their call`, async (t) => {
    const db = await open(t)
    const message = fc.record({
      role: fc.constantFrom('user' as const, 'assistant' as const, 'tool' as const),
      size: fc.nat(20)
    })
    let runs = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(message, { maxLength: 15 }),
        fc.integer({ min: 1, max: 5 }),
        fc.oneof(fc.nat(80), fc.constant(10_000)),
        async (tail, limit, bytes) => {
          const sessionId = `ws:forward-${runs++}`
          assert.equal(await db.messages.ends(sessionId), undefined)
          for (const { role, size } of [{ role: 'user' as const, size: 5 }, ...tail])
            await say(db, sessionId, { role, content: 'x'.repeat(size) })
          const all = await db.messages.history(sessionId)
          const spoken = all.filter(({ role }) => role !== 'tool')
          assert.deepEqual(await db.messages.ends(sessionId), { first: spoken[0]!.id, last: spoken.at(-1)!.id })
          const left = [...all]
          let from = 0
          while (left.length > 0) {
            const expected = left.splice(0, endOfPage(left, { limit, bytes }))
            const page = await db.messages.pageFrom(sessionId, { limit, bytes, from })
            assert.deepEqual(
              page.map(({ id }) => id),
              expected.map(({ id }) => id)
            )
            from = page.findLast(({ role }) => role !== 'tool')!.id + 1
          }
          assert.deepEqual(await db.messages.pageFrom(sessionId, { limit, bytes, from }), [])
        }
      ),
      { numRuns: rounds(20) }
    )
  })
}

/** Number of the first rows that are on a page: whole blocks of a message and its tool results. */
function endOfPage(rows: readonly MessageRow[], { limit, bytes }: { limit: number; bytes: number }): number {
  const blocks: MessageRow[][] = []
  for (const row of rows) {
    if (row.role !== 'tool') blocks.push([])
    blocks.at(-1)!.push(row)
  }
  let [end, size] = [0, 0]
  for (const [n, block] of blocks.entries()) {
    size += block.reduce((sum, { content }) => sum + content.length, 0)
    if (n > 0 && (n === limit || size > bytes)) break
    end += block.length
  }
  return end
}
