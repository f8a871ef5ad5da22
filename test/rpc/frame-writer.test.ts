import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import test, { type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { EventText } from '../../rpc/event-text.ts'
import { Corker, FrameWriter, textFrame } from '../../rpc/frame-writer.ts'
import { type EventFrame, eventFrame } from '../../rpc/frames.ts'

/** Texts of unmasked frames (RFC 6455, 5.2). */
function texts(bytes: Buffer): string[] {
  const read: string[] = []
  for (let at = 0; at < bytes.length; ) {
    assert.equal(bytes[at], 0x81, 'a final frame of text')
    const short = bytes[at + 1]!
    const [head, size] =
      short < 126 ? [2, short] : short === 126 ? [4, bytes.readUInt16BE(at + 2)] : [10, Number(bytes.readBigUInt64BE(at + 2))]
    assert.ok(at + head + size <= bytes.length)
    read.push(bytes.toString('utf8', at + head, at + head + size))
    at += head + size
  }
  return read
}

test('a text of any length is one frame', () => {
  for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 200_000]) {
    const text = 'ü'.repeat(length)
    assert.deepEqual(texts(textFrame(text)), [text])
  }
})

const frame = fc.record({
  id: fc.oneof(fc.integer(), fc.string(), fc.constant(null)),
  event: fc.constantFrom('content', 'done'),
  data: fc.record({ text: fc.string({ unit: 'grapheme' }) }),
  origin: fc.record(
    { sessionId: fc.string(), runId: fc.string(), seq: fc.nat(), fromSeq: fc.nat() },
    { requiredKeys: ['sessionId', 'runId', 'seq'] }
  )
})

test('an event for many connections is the same as one made for each', () => {
  fc.assert(
    fc.property(
      fc.array(frame, { minLength: 1, maxLength: 3 }),
      fc.array(fc.record({ id: fc.oneof(fc.nat(3), fc.string()), dialect: fc.constantFrom('native' as const, '2.0' as const) })),
      (frames, watchers) => {
        const shared = new EventText()
        for (const frame of frames) {
          for (const { id, dialect } of watchers) {
            const event: EventFrame = { ...frame, id }
            assert.deepEqual(texts(shared.frameOf(dialect, event)), [eventFrame(dialect, event)])
          }
        }
      }
    ),
    { numRuns: 50 }
  )
})

test('an event frame is the JSON of its members, the id first', () => {
  const event: EventFrame = { id: 7, event: 'content', data: { text: 'Hi' }, origin: { sessionId: 's:1', runId: 'r', seq: 2 } }
  assert.equal(
    eventFrame('native', event),
    '{"id":7,"event":"content","data":{"text":"Hi"},"sessionId":"s:1","runId":"r","seq":2}'
  )
  assert.deepEqual(JSON.parse(eventFrame('2.0', { ...event, id: 'a"b' })), {
    jsonrpc: '2.0',
    method: 'event',
    params: { id: 'a"b', event: 'content', data: { text: 'Hi' }, sessionId: 's:1', runId: 'r', seq: 2 }
  })
})

async function socketPair(t: TestContext): Promise<{ socket: Socket; peer: Socket }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const peer = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [socket] = (await once(server, 'connection')) as [Socket]
  t.after(() => {
    socket.destroy()
    peer.destroy()
    server.close()
  })
  return { socket, peer }
}

test('frames of one turn leave in one write, in order', async (t) => {
  const { socket } = await socketPair(t)
  const write = t.mock.method(socket, 'write')
  const writer = new FrameWriter(socket, new Corker(), () => {})
  for (const text of ['one', 'two', 'three']) writer.write(textFrame(text))
  assert.equal(writer.bytes, 5 + 5 + 7)
  assert.equal(write.mock.callCount(), 0)
  await setImmediate()
  assert.equal(write.mock.callCount(), 1)
  assert.equal(writer.bytes, 0)
  assert.deepEqual(texts(write.mock.calls[0]!.arguments[0] as Buffer), ['one', 'two', 'three'])
})

test('flush writes at once, and a socket that is gone takes nothing', async (t) => {
  const { socket } = await socketPair(t)
  const write = t.mock.method(socket, 'write')
  const writer = new FrameWriter(socket, new Corker(), () => {})
  writer.write(textFrame('one'))
  writer.flush()
  assert.equal(write.mock.callCount(), 1)
  writer.write(textFrame('two'))
  socket.destroy()
  await setImmediate()
  assert.equal(write.mock.callCount(), 1)
})
