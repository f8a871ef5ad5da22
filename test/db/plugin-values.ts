import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import fc from 'fast-check'
import { type Db, type JsonValue, type PluginStore, PluginStoreError } from '../../db/client.ts'

/** Stores values with the keys 0 to 9999. */
async function fillOneByOne(store: PluginStore): Promise<void> {
  for (let n = 0; n < 10_000; n += 500) {
    await Promise.all(Array.from({ length: 500 }, (_, index) => store.set(`${n + index}`, n)))
  }
}

/**
 * Plugin store contract of every database. `open` makes a new, empty one that closes with the test. `fill` stores 10,000 values, where the
 * dialect has a quicker way than one by one.
 */
export function pluginStoreContract(
  kind: string,
  open: (t: TestContext) => Promise<Db>,
  fill: (store: PluginStore, db: Db, namespace: string) => Promise<void> = fillOneByOne
): void {
  test(`${kind}: a plugin value is stored as JSON in its namespace, with a new revision for each write`, async (t) => {
    const db = await open(t)
    const [weather, other] = [db.plugin('weather'), db.plugin('@acme/other')]
    const value = { cities: ['Zürich 😀'], nothing: null, deep: { n: 1.5, yes: true } }
    const first = await weather.set('city:1', value)
    assert.deepEqual(await db.plugin('weather').get('city:1'), {
      key: 'city:1',
      value,
      revision: first,
      updatedAt: (await weather.get('city:1'))?.updatedAt
    })
    assert.equal(await other.get('city:1'), undefined)
    const second = await weather.set('city:1', null)
    assert.notEqual(second, first)
    assert.equal((await weather.get('city:1'))?.value, null)
    assert.equal(await other.delete('city:1'), false)
    assert.equal(await weather.delete('city:1'), true)
    assert.equal(await weather.get('city:1'), undefined)
  })

  test(`${kind}: compareAndSet writes only over the revision it names`, async (t) => {
    const store = (await open(t)).plugin('weather')
    const first = await store.compareAndSet('k', 1, undefined)
    assert.ok(first)
    assert.equal(await store.compareAndSet('k', 2, undefined), undefined)
    const second = await store.compareAndSet('k', 2, first)
    assert.ok(second)
    assert.equal(await store.compareAndSet('k', 3, first), undefined)
    await store.delete('k')
    assert.equal(await store.compareAndSet('k', 3, second), undefined)
    // A value that was deleted and created again is another one.
    await store.set('k', 2)
    assert.equal(await store.compareAndSet('k', 3, second), undefined)
    assert.equal((await store.get('k'))?.value, 2)
  })

  test(`${kind}: counters incremented at once by compareAndSet lose nothing`, async (t) => {
    const db = await open(t)
    const increment = async (): Promise<void> => {
      const store = db.plugin('counter')
      for (;;) {
        const read = await store.get('n')
        if (await store.compareAndSet('n', ((read?.value as number | undefined) ?? 0) + 1, read?.revision)) return
      }
    }
    await Promise.all(Array.from({ length: 20 }, increment))
    assert.equal((await db.plugin('counter').get('n'))?.value, 20)
  })

  test(`${kind}: pages of any prefix show each value once, in the order of keys`, async (t) => {
    const store = (await open(t)).plugin('weather')
    const part = fc.constantFrom('a', 'A', 'b', '%', '_', 'ä', '\u{10ffff}', '😀', '\uffff', ':')
    const keys = fc.uniqueArray(
      fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('')),
      { maxLength: 12 }
    )
    await fc.assert(
      fc.asyncProperty(keys, fc.array(part, { maxLength: 2 }), fc.integer({ min: 1, max: 4 }), async (keys, start, limit) => {
        const prefix = start.join('')
        for (const key of keys) await store.set(key, key)
        const wanted = keys
          .filter((key) => key.startsWith(prefix))
          .sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
        const found: JsonValue[] = []
        for (let after: string | undefined; ; ) {
          const { values, next } = await store.list({ prefix, after, limit })
          found.push(...values.map(({ value }) => value))
          if (next === undefined) break
          assert.equal(values.length, limit)
          after = next
        }
        assert.deepEqual(found, wanted)
        for (const key of keys) await store.delete(key)
      }),
      { numRuns: 40 }
    )
  })

  test(`${kind}: a page of large values ends early, and never without one`, async (t) => {
    const store = (await open(t)).plugin('weather')
    for (let n = 0; n < 6; n++) await store.set(`${n}`, 'x'.repeat(250_000))
    const { values, next } = await store.list()
    assert.deepEqual([values.length, next], [4, '3'])
    const rest = await store.list({ after: next })
    assert.deepEqual([rest.values.length, rest.next], [2, undefined])
  })

  test(`${kind}: a plugin store states and keeps its limits`, async (t) => {
    const db = await open(t)
    const store = db.plugin('weather')
    const refused = async (call: () => unknown, code: PluginStoreError['code'], message: RegExp) =>
      await assert.rejects(
        async () => await call(),
        (error) => {
          assert.ok(error instanceof PluginStoreError)
          assert.equal(error.code, code)
          assert.match(error.message, message)
          return true
        }
      )
    const large = 'x'.repeat(256 * 1024 - 1)
    await refused(() => store.set('k', large), 'value_too_large', /value of "k" has 262145 bytes as JSON, the maximum is 262144/)
    await refused(() => store.compareAndSet('k', large, undefined), 'value_too_large', /262144/)
    await store.set('k', large.slice(1))
    await refused(() => store.set('k', undefined as never), 'invalid_value', /must be JSON, got undefined/)
    for (const key of ['', 'x'.repeat(257), 'a\nb', 'a\u0000', '\ud800'])
      await refused(() => store.set(key, 1), 'invalid_key', /1 to 256/)
    for (const name of ['', 'Weather', 'a b', '../x', 'x'.repeat(129)])
      await refused(() => db.plugin(name), 'invalid_namespace', /plugin name/)
    for (const limit of [0, 501, 1.5]) await refused(() => store.list({ limit }), 'invalid_query', /limit must be an integer/)
  })

  test(`${kind}: a full namespace takes changes and refuses new values`, async (t) => {
    const db = await open(t)
    const store = db.plugin('weather')
    await fill(store, db, 'weather')
    const full = { code: 'too_many_values', message: /plugin 'weather' has 10000 values/ }
    await assert.rejects(store.set('new', 1), full)
    await assert.rejects(store.compareAndSet('new', 1, undefined), full)
    assert.equal(await store.get('new'), undefined)
    await store.set('0', 'changed')
    await db.plugin('other').set('new', 1)
    await store.delete('1')
    await store.set('new', 1)
  })

  test(`${kind}: deleting a session keeps the values of plugins`, async (t) => {
    const db = await open(t)
    await db.sessions.open('ws:a', 1)
    await db.plugin('weather').set('ws:a', 1)
    await db.sessions.remove('ws:a')
    assert.equal((await db.plugin('weather').get('ws:a'))?.value, 1)
  })
}
