import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { Db } from '../../db/client.ts'

/** Node contract of every database. `open` makes a new, empty one that closes with the test. */
export function nodesContract(kind: string, open: (t: TestContext) => Promise<Db>): void {
  const registers = (db: Db, id: string, changes: Partial<Parameters<Db['nodes']['register']>[0]> = {}) =>
    db.nodes.register({
      id,
      owner: 'token:ann',
      anyOwner: false,
      role: 'companion',
      capabilities: [],
      now: 1,
      keep: [],
      cap: 100,
      ...changes
    })
  const ids = async (db: Db) => (await db.nodes.list()).map(({ id }) => id)
  const push = { provider: 'fcm', token: 'plain:secret', updatedAt: 5 } as const

  test(`${kind}: a node is created by its first registration and keeps its owner`, async (t) => {
    const db = await open(t)
    assert.equal(await registers(db, 'phone'), true)
    assert.deepEqual(await db.nodes.get('phone'), {
      id: 'phone',
      owner: 'token:ann',
      role: 'companion',
      capabilities: [],
      seenAt: 1,
      location: null,
      status: null,
      push: null,
      pushDigest: null
    })
    assert.equal(await registers(db, 'phone', { owner: 'token:bob', role: 'other', now: 2 }), false)
    assert.deepEqual(await db.nodes.get('phone').then((row) => [row?.role, row?.seenAt]), ['companion', 1])
    assert.equal(await registers(db, 'phone', { role: 'other', now: 3 }), true)
    assert.deepEqual(await db.nodes.get('phone').then((row) => [row?.role, row?.seenAt]), ['other', 3])
    assert.equal(await db.nodes.get('tablet'), undefined)
  })

  test(`${kind}: a caller that may register any node does not become its owner`, async (t) => {
    const db = await open(t)
    await registers(db, 'phone')
    assert.equal(await registers(db, 'phone', { owner: 'token:root', anyOwner: true, now: 2 }), true)
    assert.equal((await db.nodes.get('phone'))?.owner, 'token:ann')
  })

  test(`${kind}: reports of a node survive its next registration`, async (t) => {
    const db = await open(t)
    await registers(db, 'phone')
    const location = { latitude: 1.5, longitude: -2, source: 'gps', capturedAt: 3, receivedAt: 4 }
    const status = { deviceName: 'Ännchens 😀', batteryPct: 64, updatedAt: 5 }
    await db.nodes.setLocation('phone', location)
    await db.nodes.setStatus('phone', status)
    await db.nodes.setPush('phone', { ...push, updatedAt: 6 }, 'digest')
    assert.equal((await db.nodes.get('phone'))?.seenAt, 6)
    await registers(db, 'phone', { now: 7 })
    const row = await db.nodes.get('phone')
    assert.deepEqual([row?.location, row?.status, row?.push], [location, status, { ...push, updatedAt: 6 }])
  })

  test(`${kind}: a registration replaces the capabilities`, async (t) => {
    const db = await open(t)
    const capabilities = [{ name: 'ui.canvas' }, { name: 'notifications', description: 'Ännchen 😀', params: { type: 'object' } }]
    await registers(db, 'phone', { capabilities })
    assert.deepEqual((await db.nodes.get('phone'))?.capabilities, capabilities)
    await registers(db, 'phone', { owner: 'token:bob' })
    assert.deepEqual((await db.nodes.list())[0]?.capabilities, capabilities)
    await registers(db, 'phone', { capabilities: [{ name: 'ui.canvas' }] })
    assert.deepEqual((await db.nodes.get('phone'))?.capabilities, [{ name: 'ui.canvas' }])
  })

  test(`${kind}: a forgotten node leaves nothing, and the next owner starts anew`, async (t) => {
    const db = await open(t)
    await registers(db, 'phone')
    await registers(db, 'tablet')
    await db.nodes.setLocation('phone', { latitude: 1, longitude: 2, capturedAt: 3, receivedAt: 4 })
    await db.nodes.setPush('phone', push, 'digest')
    assert.deepEqual([await db.nodes.forget('phone'), await db.nodes.forget('phone')], [true, false])
    assert.deepEqual(await ids(db), ['tablet'])
    assert.equal(await registers(db, 'phone', { owner: 'token:bob' }), true)
    const row = await db.nodes.get('phone')
    assert.deepEqual([row?.owner, row?.location, row?.push, row?.pushDigest], ['token:bob', null, null, null])
  })

  test(`${kind}: a push token belongs to one node`, async (t) => {
    const db = await open(t)
    await registers(db, 'phone')
    await registers(db, 'tablet')
    await db.nodes.setPush('phone', push, 'digest')
    await db.nodes.setPush('phone', push, 'digest')
    await db.nodes.setPush('tablet', push, 'digest')
    assert.deepEqual(
      (await db.nodes.list()).map(({ id, push, pushDigest }) => [id, push !== null, pushDigest]),
      [
        ['phone', false, null],
        ['tablet', true, 'digest']
      ]
    )
  })

  test(`${kind}: only the named push token is removed`, async (t) => {
    const db = await open(t)
    await registers(db, 'phone')
    await db.nodes.setPush('phone', push, 'digest')
    assert.equal(await db.nodes.removePush('phone', 'another'), false)
    assert.equal(await db.nodes.removePush('tablet', 'digest'), false)
    assert.equal((await db.nodes.get('phone'))?.pushDigest, 'digest')
    assert.equal(await db.nodes.removePush('phone', 'digest'), true)
    const row = await db.nodes.get('phone')
    assert.deepEqual([row?.push, row?.pushDigest, row?.seenAt], [null, null, 5])
  })

  test(`${kind}: resealing a token does not change when the node was seen`, async (t) => {
    const db = await open(t)
    await registers(db, 'phone')
    await db.nodes.setPush('phone', push, 'digest')
    await db.nodes.reseal('phone', { ...push, token: 'other' })
    const row = await db.nodes.get('phone')
    assert.deepEqual([row?.push?.token, row?.pushDigest, row?.seenAt], ['other', 'digest', 5])
  })

  test(`${kind}: past the cap the nodes unseen for longest go, never connected ones`, async (t) => {
    const db = await open(t)
    for (const [now, id] of ['a', 'b', 'c', 'd'].entries()) await registers(db, id, { now, cap: 4 })
    await db.nodes.setStatus('b', { updatedAt: 9 })
    await registers(db, 'e', { now: 4, cap: 4, keep: ['a'] })
    assert.deepEqual(await ids(db), ['a', 'b', 'd', 'e'])
    await registers(db, 'f', { now: 5, cap: 2, keep: ['a', 'f'] })
    assert.deepEqual(await ids(db), ['a', 'f'])
    await registers(db, 'a', { owner: 'token:bob', cap: 2, keep: ['f'] })
    assert.deepEqual(await ids(db), ['a', 'f'])
  })
}
