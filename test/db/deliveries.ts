import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { Db } from '../../db/client.ts'

/** Contract of the store of accepted requests. `open` makes a new, empty one that closes with the test. */
export function deliveriesContract(kind: string, open: (t: TestContext) => Promise<Db>): void {
  test(`${kind}: any key of a delivery finds its message, in its source alone`, async (t) => {
    const { deliveries } = await open(t)
    await deliveries.add({ source: 'a', keys: ['id:1', 'body:1'], messageId: 'm1', now: 1 }, 10)
    await deliveries.add({ source: 'a', keys: ['id:2', 'body:1'], messageId: 'm2', now: 2 }, 10)
    assert.equal(await deliveries.find('a', ['id:9', 'body:1']), 'm1')
    assert.equal(await deliveries.find('a', ['id:2']), 'm2')
    assert.equal(await deliveries.find('b', ['id:1']), undefined)
    assert.equal(await deliveries.find('a', ['id:9']), undefined)
  })

  test(`${kind}: beyond its limit a source forgets the oldest deliveries`, async (t) => {
    const { deliveries } = await open(t)
    await deliveries.add({ source: 'b', keys: ['kept'], messageId: 'm', now: 0 }, 3)
    for (let n = 1; n <= 5; n++) await deliveries.add({ source: 'a', keys: [`${n}`], messageId: `m${n}`, now: n }, 3)
    const found = await Promise.all(['1', '2', '3', '4', '5'].map((key) => deliveries.find('a', [key])))
    assert.deepEqual(found, [undefined, undefined, 'm3', 'm4', 'm5'])
    assert.equal(await deliveries.find('b', ['kept']), 'm')
  })
}
