import assert from 'node:assert/strict'
import { once } from 'node:events'
import test, { type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import type { WebSocket } from 'ws'
import { defineMethod, gatewayPlugin } from '../../plugins/define.ts'
import { FRAMES_A_TURN, Intake } from '../../rpc/intake.ts'
import { build, connect } from '../helper.ts'

const KiB = 1024
const MiB = 1024 * KiB

function intake() {
  const seen: string[] = []
  let paused = false
  let owing = false
  const it = new Intake({
    socket: {
      pause() {
        paused = true
      },
      resume() {
        paused = false
      }
    },
    owes: () => owing,
    handle: (data) => void seen.push(String(data))
  })
  return {
    it,
    seen,
    add: (...names: string[]) => {
      for (const name of names) it.add(Buffer.from(name), false)
    },
    owe(value: boolean) {
      owing = value
    },
    paused: () => paused
  }
}

test('frames are handled at once while the peer is owed nothing', () => {
  const { add, seen, paused } = intake()
  add('a', 'b')
  assert.deepEqual([seen, paused()], [['a', 'b'], false])
})

test('a peer that is owed too much is not read until it has read', () => {
  const { it, add, seen, owe, paused } = intake()
  add('a')
  owe(true)
  add('b', 'c')
  it.drain()
  assert.deepEqual([seen, paused()], [['a'], true])
  owe(false)
  it.drain()
  assert.deepEqual([seen, paused()], [['a', 'b', 'c'], false])
})

test('a burst is handled in several turns, in order', async () => {
  const { add, seen, paused } = intake()
  const names = Array.from({ length: FRAMES_A_TURN * 2 + 1 }, (_, n) => `${n}`)
  add(...names)
  const turns: number[] = [seen.length]
  while (paused()) {
    await setImmediate()
    turns.push(seen.length)
  }
  assert.deepEqual([...new Set(turns)], [FRAMES_A_TURN, FRAMES_A_TURN * 2, FRAMES_A_TURN * 2 + 1])
  assert.deepEqual(seen, names)
})

/** A method that answers at once with a text of `bytes`, and counts its calls. */
function talkative(bytes: number) {
  const calls = { count: 0 }
  const text = 'y'.repeat(bytes)
  const plugin = gatewayPlugin({ name: 'talkative', dependencies: ['rpc'] }, async (app) => {
    app.rpc.method(
      defineMethod({
        name: 'test.talk',
        summary: 'Says a lot',
        scope: 'any',
        params: Type.Object({}, { additionalProperties: false }),
        result: Type.String(),
        handler() {
          calls.count++
          return text
        }
      })
    )
  })
  return { plugin, calls }
}

async function pair(t: TestContext, bytes: number) {
  const { plugin, calls } = talkative(bytes)
  const { app, url } = await build(t, { config: { server: { sendBufferBytes: 64 * KiB } }, plugins: [plugin] })
  const accepted = once(app.websocketServer, 'connection') as Promise<[WebSocket]>
  const client = await connect(t, url)
  const [server] = await accepted
  return { app, client, server, calls, other: await connect(t, url) }
}

test('a client that asks without reading is owed a bounded number of answers', async (t) => {
  const { app, client, server, calls, other } = await pair(t, MiB / 2)
  client.socket.pause()
  const asked = 100
  for (let n = 1; n <= asked; n++) client.send({ id: n, method: 'test.talk' })
  while (!server.isPaused) await setImmediate()
  // Others are served all the while, and a turn of theirs is one for this socket too.
  for (let round = 0; round < 10; round++) await other.call('system.info')
  assert.ok(calls.count < 40, `${calls.count} answers of 512 KiB were made`)
  assert.ok(app.connections.owed < 4 * MiB, `${app.connections.owed} bytes are owed`)
  client.socket.resume()
  for (let n = 1; n <= asked; n++) await client.final(n)
  assert.equal(calls.count, asked)
})

test('the answers of batches are bounded while they gather', async (t) => {
  const { client, calls } = await pair(t, 4 * MiB)
  const batch = (from: number) =>
    Array.from({ length: 64 }, (_, n) => ({ jsonrpc: '2.0', id: from + n, method: 'test.talk', params: {} }))
  const refused = client.frame(({ error }) => /answers of this batch are too large/.test(error?.message))
  client.socket.send(JSON.stringify(batch(1)))
  await refused
  assert.ok(calls.count <= 17, `${calls.count} answers of 4 MiB were made`)
  assert.ok((await client.call('system.info')).version)
})

test('a million values in one frame are refused before they are read', async (t) => {
  const { client } = await pair(t, 1)
  const many = `{${Array.from({ length: 200_000 }, (_, n) => `"k${n}":0`).join(',')}}`
  const refused = client.frame(({ error }) => /more than 100000 values/.test(error?.message))
  client.socket.send(`{"id":1,"method":"system.info","params":${many}}`)
  assert.equal((await refused).error.code, -1)
})
