import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import test from 'node:test'
import { fileStore } from '../../../rpc/client/file-store.ts'
import { GatewayClient, memoryStore, type Store, type WebStorage, webStore } from '../../../rpc/client/index.ts'
import { scratch } from '../../helper.ts'
import { eagerClock } from './fixtures.ts'

/** The Storage of a page. */
class PageStorage implements WebStorage {
  readonly #values = new Map<string, string>()
  get length(): number {
    return this.#values.size
  }
  key = (index: number): string | null => [...this.#values.keys()][index] ?? null
  getItem = (key: string): string | null => this.#values.get(key) ?? null
  setItem = (key: string, value: string): void => void this.#values.set(key, value)
  removeItem = (key: string): void => void this.#values.delete(key)
}

/** Contract of every store. */
async function assertStore(store: Store): Promise<void> {
  assert.equal(await store.get('flynn:a'), undefined)
  assert.deepEqual(await store.keys('flynn:'), [])
  await store.delete('flynn:a')
  await store.set('flynn:a', 'one')
  await store.set('flynn:a', 'two')
  await store.set('flynn:b/../c %', 'ünï')
  await store.set('other', 'three')
  assert.equal(await store.get('flynn:a'), 'two')
  assert.equal(await store.get('flynn:b/../c %'), 'ünï')
  assert.deepEqual((await store.keys('flynn:')).sort(), ['flynn:a', 'flynn:b/../c %'])
  await store.delete('flynn:a')
  assert.deepEqual(await store.keys('flynn:a'), [])
}

test('a store in memory', () => assertStore(memoryStore()))

test('a store of a page', () => assertStore(webStore(new PageStorage())))

test('a store in a folder', async (t) => {
  const folder = await scratch(t)
  await assertStore(fileStore(`${folder}/deep/er`))
  assert.ok((await readdir(`${folder}/deep/er`)).every((name) => !name.endsWith('~')))
})

test('a store that fails is reported and harms no message', async () => {
  const reported: unknown[] = []
  const fault = new Error('the disk is full')
  const fail = async (): Promise<never> => {
    throw fault
  }
  const store = { get: fail, set: fail, delete: fail, keys: fail }
  const client = new GatewayClient({
    url: 'ws://127.0.0.1:9',
    store,
    clock: eagerClock,
    onError: (error) => void reported.push(error)
  })
  client.connect()
  assert.deepEqual(await client.restored, [])
  const run = client.session('cli:me').send('hello')
  assert.equal(await run.cancel(), true)
  await client.close()
  assert.ok(reported.length >= 3 && reported.every((error) => error === fault))
})

test('an entry that cannot be read is left out', async () => {
  const store = memoryStore()
  await store.set('flynn:send:x', '{"key":')
  const client = new GatewayClient({ url: 'ws://127.0.0.1:9', store, clock: eagerClock, autoConnect: true })
  assert.deepEqual(await client.restored, [])
  await client.close()
})
