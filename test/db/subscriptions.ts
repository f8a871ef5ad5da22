import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { Db, SubscriptionRow } from '../../db/client.ts'

/** Subscription contract of every database. `open` makes a new, empty one that closes with the test. */
export function subscriptionsContract(kind: string, open: (t: TestContext) => Promise<Db>): void {
  const row = (id: string, changes: Partial<SubscriptionRow> = {}): Omit<SubscriptionRow, 'revision'> => ({
    id,
    owner: 'token:ann',
    endpoint: `https://push.example/${id}`,
    p256dh: 'key',
    auth: 'auth',
    label: null,
    updatedAt: 1,
    ...changes
  })
  const idsOf = async (db: Db, owner: string) => (await db.subscriptions.of(owner)).map(({ id }) => id)

  test(`${kind}: a subscription is created once and belongs to its last registrant`, async (t) => {
    const db = await open(t)
    assert.equal(await db.subscriptions.put(row('a'), 5), 'created')
    assert.deepEqual(await db.subscriptions.of('token:ann'), [{ ...row('a'), revision: 1 }])
    const changed = row('a', { owner: 'token:bob', p256dh: 'new', auth: 'newer', label: "Bob's", updatedAt: 2 })
    assert.equal(await db.subscriptions.put(changed, 5), 'updated')
    assert.deepEqual(await idsOf(db, 'token:ann'), [])
    assert.deepEqual(await db.subscriptions.of('token:bob'), [{ ...changed, revision: 2 }])
    assert.equal(await db.subscriptions.count(), 1)
  })

  test(`${kind}: past the cap no subscription is added, existing ones are renewed`, async (t) => {
    const db = await open(t)
    for (const id of ['a', 'b']) assert.equal(await db.subscriptions.put(row(id), 2), 'created')
    assert.equal(await db.subscriptions.put(row('c', { owner: 'token:bob' }), 2), 'full')
    assert.equal(await db.subscriptions.count(), 2)
    // Also where the cap was lowered since.
    assert.equal(await db.subscriptions.put(row('a', { updatedAt: 3 }), 1), 'updated')
    assert.deepEqual(await idsOf(db, 'token:ann'), ['a', 'b'])
    assert.equal(await db.subscriptions.remove('b'), true)
    assert.equal(await db.subscriptions.put(row('c'), 2), 'created')
  })

  test(`${kind}: an owner removes only its own subscriptions, once`, async (t) => {
    const db = await open(t)
    await db.subscriptions.put(row('a'), 5)
    assert.equal(await db.subscriptions.remove('a', 'token:bob'), false)
    assert.equal(await db.subscriptions.remove('a', 'token:ann'), true)
    assert.equal(await db.subscriptions.remove('a', 'token:ann'), false)
    assert.equal(await db.subscriptions.remove('a'), false)
    assert.equal(await db.subscriptions.count(), 0)
  })
}
