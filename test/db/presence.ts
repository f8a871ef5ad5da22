import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { Db } from '../../db/client.ts'

/** Presence contract of every database. `open` makes a new, empty one that closes with the test. */
export function presenceContract(kind: string, open: (t: TestContext) => Promise<Db>): void {
  const seen = (db: Db, channel: string, senderId: string, now: number, senderName: string | null = null) =>
    db.presence.seen({ channel, senderId, senderName }, now)

  test(`${kind}: a sender has one row a channel with count, first and last time`, async (t) => {
    const db = await open(t)
    assert.deepEqual(await seen(db, 'telegram', '1', 10, 'alice'), { created: true })
    assert.deepEqual(await seen(db, 'telegram', '1', 20), { created: false })
    assert.deepEqual(await seen(db, 'webchat', '1', 30), { created: true })
    const query = { onlineSince: 0, limit: 9 }
    assert.deepEqual((await db.presence.list({ ...query, channel: 'telegram' })).rows, [
      { channel: 'telegram', senderId: '1', senderName: 'alice', firstSeenAt: 10, lastSeenAt: 20, messageCount: 2 }
    ])
    await seen(db, 'telegram', '1', 40, 'Alice B.')
    const [first, second] = (await db.presence.list(query)).rows
    assert.deepEqual([first?.senderName, first?.messageCount, second?.channel], ['Alice B.', 3, 'webchat'])
  })

  test(`${kind}: messages of one sender that come together are all counted`, async (t) => {
    const db = await open(t)
    const made = await Promise.all(Array.from({ length: 50 }, (_, now) => seen(db, 'ws', 'token:a', now)))
    assert.equal(made.filter(({ created }) => created).length, 1)
    assert.equal((await db.presence.list({ onlineSince: 0, limit: 1 })).rows[0]?.messageCount, 50)
  })

  test(`${kind}: senders are listed by last message, filtered, counted before the limit`, async (t) => {
    const db = await open(t)
    for (let n = 1; n <= 6; n++) await seen(db, n % 2 ? 'telegram' : 'ws', `${n}`, n)
    const asked = async (query: object) => {
      const { rows, total, online } = await db.presence.list({ onlineSince: 4, limit: 9, ...query })
      return [rows.map(({ senderId }) => senderId).join(' '), total, online]
    }
    assert.deepEqual(await asked({}), ['6 5 4 3 2 1', 6, 3])
    assert.deepEqual(await asked({ limit: 2 }), ['6 5', 6, 3])
    assert.deepEqual(await asked({ status: 'online' }), ['6 5 4', 3, 3])
    assert.deepEqual(await asked({ status: 'offline' }), ['3 2 1', 3, 0])
    assert.deepEqual(await asked({ channel: 'telegram', status: 'offline', limit: 1 }), ['3', 2, 0])
    assert.deepEqual(await asked({ channel: 'none' }), ['', 0, 0])
  })

  test(`${kind}: senders seen longest ago are removed`, async (t) => {
    const db = await open(t)
    for (let n = 1; n <= 6; n++) await seen(db, 'ws', `${n}`, n)
    await seen(db, 'ws', '1', 9)
    await db.presence.keep(3)
    const { rows } = await db.presence.list({ onlineSince: 0, limit: 9 })
    assert.deepEqual(
      rows.map(({ senderId }) => senderId),
      ['1', '6', '5']
    )
    await db.presence.keep(3)
    assert.equal((await db.presence.list({ onlineSince: 0, limit: 9 })).total, 3)
    await db.presence.keep(0)
    assert.equal((await db.presence.list({ onlineSince: 0, limit: 9 })).total, 0)
  })

  test(`${kind}: senders past their retention are purged`, async (t) => {
    const db = await open(t)
    for (const [n, senderId] of ['a', 'b', 'c'].entries())
      await db.presence.seen({ channel: 'ws', senderId, senderName: null }, n)
    assert.equal(await db.presence.purge(2), 2)
    assert.equal(await db.presence.purge(2), 0)
    const { rows } = await db.presence.list({ onlineSince: 0, limit: 9 })
    assert.deepEqual(
      rows.map(({ senderId }) => senderId),
      ['c']
    )
  })
}
