import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { Db, NewPost } from '../../db/client.ts'
import { ended, queued } from './queue.ts'

const post = (text: string, changes: Partial<NewPost> = {}): NewPost => ({
  channel: 'telegram',
  conversation: '1',
  text,
  ...changes
})

/** Outbox contract of every database. `open` makes a new, empty one that closes with the test. */
export function outboxContract(kind: string, open: (t: TestContext) => Promise<Db>): void {
  const texts = async (db: Db, now = 100, limit = 10) => (await db.outbox.due(now, limit)).map(({ text }) => text)

  test(`${kind}: a post is stored completely and due at once`, async (t) => {
    const db = await open(t)
    await db.outbox.add(post('Hi "ä😀"', { context: { thread: ['a', null] } }), 5)
    assert.deepEqual(await db.outbox.due(4, 10), [])
    const row = { id: 1, channel: 'telegram', conversation: '1', context: { thread: ['a', null] }, text: 'Hi "ä😀"' }
    assert.deepEqual(await db.outbox.due(5, 10), [{ ...row, createdAt: 5, dueAt: 5, attempts: 0, sent: 0 }])
  })

  test(`${kind}: only the first post of each conversation is due`, async (t) => {
    const db = await open(t)
    await db.outbox.add(post('a1'), 1)
    await db.outbox.add(post('a2'), 2)
    await db.outbox.add(post('b1', { conversation: '2' }), 3)
    await db.outbox.add(post('c1', { channel: 'teams' }), 4)
    assert.deepEqual(await texts(db), ['a1', 'b1', 'c1'])
    assert.deepEqual(await texts(db, 100, 2), ['a1', 'b1'])
    const [a1] = await db.outbox.due(100, 1)
    await db.outbox.postpone(a1!.id, 50)
    assert.deepEqual(await texts(db, 49), ['b1', 'c1'], 'what comes after it waits as well')
    assert.deepEqual(
      (await db.outbox.due(50, 1)).map(({ text, attempts }) => [text, attempts]),
      [['a1', 1]]
    )
    await db.outbox.remove(a1!.id)
    assert.deepEqual(await texts(db, 49), ['a2', 'b1', 'c1'])
  })

  test(`${kind}: progress is kept and resets the attempts`, async (t) => {
    const db = await open(t)
    await db.outbox.add(post('long'), 1)
    await db.outbox.postpone(1, 2)
    await db.outbox.progress(1, 3)
    assert.deepEqual(
      (await db.outbox.due(9, 1)).map(({ sent, attempts }) => [sent, attempts]),
      [[3, 0]]
    )
  })

  test(`${kind}: a message keeps its destination, and its end posts the answer`, async (t) => {
    const db = await open(t)
    const reply = { channel: 'telegram', conversation: '1', context: { thread: 7 } }
    await db.queue.accept(queued('1', { reply }))
    await db.queue.accept(queued('2'))
    assert.deepEqual(
      (await db.queue.unended()).map((row) => row.reply),
      [reply, null]
    )
    const ends = [ended('2'), { ...ended('1'), post: { ...reply, text: 'answer' } }]
    await db.queue.settle({ ends, now: 9 })
    await db.queue.settle({ ends, now: 10 })
    assert.deepEqual(await db.outbox.due(9, 9), [
      { id: 1, ...reply, text: 'answer', createdAt: 9, dueAt: 9, attempts: 0, sent: 0 }
    ])
    const [head] = await db.outbox.due(9, 9)
    await db.outbox.remove(head!.id)
    assert.deepEqual(await texts(db), [], 'what has ended ends once, and so much is said of it')
  })

  test(`${kind}: a message and its post end together or not at all`, async (t) => {
    const db = await open(t)
    await db.queue.accept(queued('1'))
    const unspeakable = post(undefined as unknown as string)
    await assert.rejects(db.queue.settle({ ends: [{ ...ended('1'), post: unspeakable }], now: 9 }))
    assert.equal((await db.queue.unended()).length, 1)
    await assert.rejects(db.queue.settle({ ends: [{ ...ended('1', 'odd' as 'failed', 1n), post: post('answer') }], now: 9 }))
    assert.deepEqual(await texts(db), [])
  })

  test(`${kind}: a start posts the end of interrupted messages`, async (t) => {
    const db = await open(t)
    await db.queue.accept(queued('1'))
    await db.queue.resolve({ requeue: [], ends: [{ ...ended('1', 'interrupted'), post: post('sorry') }], now: 9 })
    assert.deepEqual(await texts(db), ['sorry'])
    assert.deepEqual(await db.queue.unended(), [])
  })
}
