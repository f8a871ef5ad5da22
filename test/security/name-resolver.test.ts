import assert from 'node:assert/strict'
import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import test, { type TestContext } from 'node:test'
import { NameResolver } from '../../security/name-resolver.ts'
import { hold, rejection } from '../helper.ts'

const forever = new AbortController().signal

/** A name server on loopback. Gives its address and its first query. */
async function nameServer(t: TestContext, answer?: (query: Buffer) => Buffer) {
  const socket = createSocket('udp4')
  const asked = Promise.withResolvers<void>()
  socket.on('message', (query: Buffer, { port, address }: RemoteInfo) => {
    asked.resolve()
    if (answer) socket.send(answer(query), port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.after(() => socket.close())
  return { servers: [`127.0.0.1:${socket.address().port}`], asked: asked.promise }
}

/** The query as an answer with one A record 192.0.2.1 for A, with none for AAAA. */
function oneAddress(query: Buffer): Buffer {
  const question = query.subarray(12, query.indexOf(0, 12) + 5)
  const isA = question.at(-3) === 1
  const header = Buffer.from([query[0]!, query[1]!, 0x81, 0x80, 0, 1, 0, isA ? 1 : 0, 0, 0, 0, 0])
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1])
  return Buffer.concat([header, question, ...(isA ? [record] : [])])
}

test('a name has the addresses that its server answers', async (t) => {
  const { servers } = await nameServer(t, oneAddress)
  const names = new NameResolver({ servers })
  assert.deepEqual(await names.resolve('example.test', forever), [{ address: '192.0.2.1', family: 4 }])
})

test('names whose server is silent hold no thread and end by their deadline', async (t) => {
  hold(t)
  const { servers, asked } = await nameServer(t)
  const names = new NameResolver({ servers, timeoutMs: 500 })
  const lookups = Array.from({ length: 8 }, (_, n) => rejection(names.resolve(`n${n}.example.test`, forever)))
  await asked
  // File access needs one of the four threads that lookups of the system would occupy.
  assert.ok((await readFile(import.meta.filename)).length > 0)
  for (const { code } of await Promise.all(lookups)) assert.equal(code, 'ETIMEOUT')
})

test('an abort ends a lookup at once', async (t) => {
  hold(t)
  const { servers, asked } = await nameServer(t)
  const names = new NameResolver({ servers, timeoutMs: 600_000, maxLookups: 1 })
  const abort = new AbortController()
  const lookup = rejection(names.resolve('example.test', abort.signal))
  await asked
  assert.equal((await rejection(names.resolve('other.test', forever))).code, 'EBUSY')
  abort.abort(new Error('stopped'))
  assert.equal((await lookup).message, 'stopped')
  const second = await nameServer(t, oneAddress)
  assert.equal((await new NameResolver({ servers: second.servers }).resolve('other.test', forever)).length, 1)
})
