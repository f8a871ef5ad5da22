import assert from 'node:assert/strict'
import { once } from 'node:events'
import test, { type TestContext } from 'node:test'
import { WebSocket } from 'ws'
import { HEARTBEAT_SECONDS } from '../../rpc/connection.ts'
import { build, type TestGateway } from '../helper.ts'

/** A bare socket to the gateway, with the gateway's end of it. */
async function pair(t: TestContext, { url, app }: TestGateway, autoPong: boolean) {
  const accepted = once(app.websocketServer, 'connection') as Promise<[WebSocket]>
  const client = new WebSocket(url.replace('http', 'ws'), { autoPong })
  t.after(() => client.terminate())
  const [[server]] = await Promise.all([accepted, once(client, 'open')])
  return { client, server }
}

test('a peer that answers no ping is terminated at the third heartbeat', async (t) => {
  const gateway = await build(t)
  const { client } = await pair(t, gateway, false)
  for (let beat = 1; beat <= 2; beat++) {
    const pinged = once(client, 'ping')
    gateway.app.connections.beat()
    await pinged
    assert.equal(client.readyState, WebSocket.OPEN)
  }
  const closed = once(client, 'close')
  gateway.app.connections.beat()
  const [code] = await closed
  assert.equal(code, 1006, 'cut off, without a goodbye that it would not read')
})

test('a peer that answers pings stays, however quiet it is otherwise', async (t) => {
  const gateway = await build(t)
  const { client, server } = await pair(t, gateway, true)
  for (let beat = 1; beat <= 10; beat++) {
    const ponged = once(server, 'pong')
    gateway.app.connections.beat()
    await ponged
  }
  assert.equal(client.readyState, WebSocket.OPEN)
  assert.equal(gateway.app.connections.size, 1)
})

test('whatever a peer sends is a sign of life', async (t) => {
  const gateway = await build(t)
  const { client } = await pair(t, gateway, false)
  for (let beat = 1; beat <= 10; beat++) {
    gateway.app.connections.beat()
    const answered = once(client, 'message')
    client.send('not even JSON')
    await answered
  }
  assert.equal(client.readyState, WebSocket.OPEN)
})

test('a peer that dies does not take others with it', async (t) => {
  const gateway = await build(t)
  const dead = await pair(t, gateway, false)
  const living = await pair(t, gateway, true)
  const gone = once(dead.client, 'close')
  for (let beat = 1; beat <= 3; beat++) {
    const ponged = once(living.server, 'pong')
    gateway.app.connections.beat()
    await ponged
  }
  await gone
  assert.equal(living.client.readyState, WebSocket.OPEN)
})

test('the heart beats as often as system.capabilities says', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const gateway = await build(t)
  const { client } = await pair(t, gateway, true)
  const { heartbeatSeconds } = gateway.app.system.capabilities().limits!
  assert.equal(heartbeatSeconds, HEARTBEAT_SECONDS)
  let pings = 0
  client.on('ping', () => pings++)
  t.mock.timers.tick(heartbeatSeconds * 1000 - 1)
  const pinged = once(client, 'ping')
  t.mock.timers.tick(1)
  await pinged
  assert.equal(pings, 1)
})
