import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import test, { type TestContext } from 'node:test'
import { scratch } from '../helper.ts'
import { type Running, stop, up } from '../program.ts'

const TOKEN = 'a-token-that-is-long-enough'

function open(t: TestContext, { url }: Running): Socket {
  const { port } = new URL(url)
  const socket = connect(Number(port), '127.0.0.1')
  t.after(() => socket.destroy())
  socket.on('error', () => {})
  return socket
}

/** Status line of one request on a connection of its own. */
async function status(t: TestContext, running: Running, head: string): Promise<string> {
  const socket = open(t, running)
  socket.write(head)
  return (await text(socket)).split('\r\n', 1)[0]!
}

/** Resolves once a socket is closed, also by a reset. */
const closing = (socket: Socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()))

const health = 'GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'

test('sockets without a login are bounded, and a flood keeps nobody out', async (t) => {
  const running = await up(t, await scratch(t), ['--port', '0'], {
    FLYNN_TOKEN: TOKEN,
    FLYNN_LIMITS__UNAUTHENTICATED_CONNECTIONS: '4',
    FLYNN_LIMITS__CONNECTIONS_PER_ADDRESS: '7'
  })
  // Authenticated: it stays.
  const known = open(t, running)
  known.write(`GET /api/health HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`)
  assert.match(String((await once(known, 'data'))[0]), /^HTTP\/1\.1 200/)
  const silent = Array.from({ length: 4 }, () => open(t, running))
  await Promise.all(silent.map((socket) => once(socket, 'connect')))
  const closed = closing(silent[0]!)
  assert.match(await status(t, running, health), /200/)
  await closed
  assert.ok(!known.destroyed)
  await running.line('limits.unauthenticated_connections')

  // Two Host headers are two different requests to two different readers.
  assert.match(await status(t, running, 'GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'), /400/)

  // A pipelined flood opens nothing and ends with its socket.
  const flood = open(t, running)
  const gone = closing(flood)
  flood.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(4000))
  flood.resume()
  await gone
  assert.ok((await readdir(`/proc/${running.child.pid}/fd`)).length < 100)
  await running.line('pipelined requests')

  // A socket that is reset while it is upgraded does not end the process.
  for (let n = 0; n < 5; n++) {
    const upgrade = open(t, running)
    await once(upgrade, 'connect')
    upgrade.write('GET /health HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
    upgrade.resetAndDestroy()
  }
  assert.match(await status(t, running, health), /200/)
  known.destroy()
  assert.equal(await stop(running), 0)
})

test('one address has a bounded number of connections', async (t) => {
  const running = await up(t, await scratch(t), ['--port', '0'], { FLYNN_LIMITS__CONNECTIONS_PER_ADDRESS: '3' })
  const held = Array.from({ length: 3 }, () => open(t, running))
  await Promise.all(held.map((socket) => once(socket, 'connect')))
  const further = open(t, running)
  await closing(further)
  await running.line('limits.connections_per_address')
  held[0]!.destroy()
  await once(held[0]!, 'close')
  assert.equal(await stop(running), 0)
})
