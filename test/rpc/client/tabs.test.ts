import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { type ClientOptions, Disconnected, GatewayClient, type Locks, memoryStore } from '../../../rpc/client/index.ts'
import { FakeGateway } from '../../../rpc/client/testing.ts'

/** Web Locks of one browser; `tab()` is one of its tabs, whose locks are freed when it crashes. */
class Browser {
  readonly #holders = new Map<string, object>()

  tab(): Locks & { crash(): void } {
    const tab = {}
    const free = (name: string): void => {
      if (this.#holders.get(name) === tab) this.#holders.delete(name)
    }
    return {
      request: async (name, _options, hold) => {
        if (this.#holders.has(name)) return hold(null)
        this.#holders.set(name, tab)
        await hold({ name })
        free(name)
      },
      crash: () => {
        for (const name of [...this.#holders.keys()]) free(name)
      }
    }
  }
}

function clientOf(t: TestContext, fake: FakeGateway, options: Partial<ClientOptions>): GatewayClient {
  const client = new GatewayClient({ url: 'ws://fake', WebSocket: fake.WebSocket, autoConnect: true, ...options })
  t.after(() => client.close())
  return client
}

const sendsOf = (fake: FakeGateway) => fake.requests.filter(({ method }) => method === 'agent.send')

/** Resolves once the connection was lost and stands again. */
function reconnected(client: GatewayClient): Promise<void> {
  return new Promise((resolve) => {
    client.onState(({ name }) => {
      if (name === 'waiting') client.wake()
      if (name === 'connected') resolve()
    })
  })
}

test('of two tabs one sends an unsent message, the other takes over after a crash', async (t) => {
  const nowhere = new FakeGateway()
  nowhere.reachable = false
  const store = memoryStore()
  const browser = new Browser()
  const [one, other] = [browser.tab(), browser.tab()]
  const writer = clientOf(t, nowhere, { store, locks: one })
  await writer.restored
  const written = writer.session('cli:me').send('first')

  const fake = new FakeGateway()
  const reader = clientOf(t, fake, { store, locks: other })
  assert.deepEqual(await reader.restored, [])
  await reader.ready
  assert.deepEqual([await reader.restored, sendsOf(fake)], [[], []])

  one.crash()
  const back = reconnected(reader)
  fake.disconnect()
  await back
  const [taken] = await reader.restored
  assert.equal(taken?.id, written.id)
  await taken
  assert.deepEqual(
    sendsOf(fake).map(({ params }) => params.idempotencyKey),
    [written.id]
  )
  assert.deepEqual(await store.keys('flynn:send:'), [])
})

test('a client that was closed goes on with its messages at the next connect', async (t) => {
  const fake = new FakeGateway()
  fake.reachable = false
  const client = clientOf(t, fake, { store: memoryStore() })
  await client.restored
  const given = client.session('cli:me').send('later')
  await client.close()
  await assert.rejects(Promise.resolve(given), (error) => error instanceof Disconnected && !error.sent)
  fake.reachable = true
  client.connect()
  const [again] = await client.restored
  assert.equal(again?.id, given.id)
  await again
  assert.equal(sendsOf(fake).length, 1)
})
