import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { Db } from '../../db/client.ts'

/** Pairing contract of every database. `open` makes a new, empty one that closes with the test. */
export function pairingContract(kind: string, open: (t: TestContext) => Promise<Db>): void {
  test(`${kind}: a sender is paired on one channel, once, and removed again`, async (t) => {
    const db = await open(t)
    const ann = { channel: 'telegram', senderId: '1', access: 'guest' } as const
    assert.equal(await db.pairing.add({ ...ann, pairedAt: 5 }, 9), true)
    assert.equal(await db.pairing.add({ ...ann, access: 'owner', pairedAt: 7 }, 9), true)
    assert.deepEqual(await db.pairing.get('telegram', '1'), { ...ann, access: 'owner', pairedAt: 7 })
    assert.equal(await db.pairing.get('teams', '1'), undefined)
    assert.equal(await db.pairing.get('telegram', '2'), undefined)
    assert.deepEqual(await db.pairing.list({ limit: 9 }), [{ ...ann, access: 'owner', pairedAt: 7 }])
    assert.equal(await db.pairing.remove('teams', '1'), false)
    assert.equal(await db.pairing.remove('telegram', '1'), true)
    assert.equal(await db.pairing.remove('telegram', '1'), false)
    assert.equal(await db.pairing.get('telegram', '1'), undefined)
  })

  test(`${kind}: paired senders are listed newest first, of all channels or one`, async (t) => {
    const db = await open(t)
    for (let n = 1; n <= 5; n++)
      await db.pairing.add({ channel: n % 2 ? 'a' : 'b', senderId: `${n}`, access: 'guest', pairedAt: n }, 9)
    const ids = async (query: { channel?: string; limit: number }) =>
      (await db.pairing.list(query)).map(({ senderId }) => senderId)
    assert.deepEqual(await ids({ limit: 3 }), ['5', '4', '3'])
    assert.deepEqual(await ids({ channel: 'a', limit: 2 }), ['5', '3'])
  })

  test(`${kind}: the limit holds, also for senders that pair at once`, async (t) => {
    const db = await open(t)
    const add = (senderId: string) => db.pairing.add({ channel: 'a', senderId, access: 'guest', pairedAt: 1 }, 3)
    const added = await Promise.all(['1', '2', '3', '4', '5'].map(add))
    assert.deepEqual(added, [true, true, true, false, false])
    assert.equal(await add('2'), true)
    assert.deepEqual(
      (await db.pairing.list({ limit: 9 })).map(({ senderId }) => senderId),
      ['1', '2', '3']
    )
  })
}
