import assert from 'node:assert/strict'
import test from 'node:test'
import type { WebSocket } from 'ws'
import { forwardEvents, type RunEvent } from '../../../rpc/schemas/run-events.ts'
import { Corker, SendBuffer } from '../../../rpc/send-buffer.ts'
import { SESSION } from './fixtures.ts'

/** What a subscriber gets that begins to read only when all of this was said. */
function read(said: readonly [runId: string, seq: number, data: object, event?: string][]): unknown[] {
  const frames: string[] = []
  let unread: (() => void)[] = []
  const socket = {
    bufferedAmount: 1000,
    send(text: string, sent: () => void) {
      frames.push(text)
      unread.push(sent)
    }
  }
  const outbox = new SendBuffer({
    socket: socket as unknown as WebSocket,
    stream: undefined,
    corker: new Corker(),
    limit: 1_000_000,
    later: () => {},
    onSlow: () => assert.fail('slow')
  })
  outbox.send('first')
  socket.bufferedAmount = 2_000_000
  const tell = forwardEvents({
    connection: undefined,
    emit: (event, data, origin) => outbox.event('native', { id: 7, event, data, origin })
  })
  for (const [runId, seq, data, event = 'content'] of said) {
    tell({ sessionId: SESSION, runId, seq, event, data } satisfies RunEvent)
  }
  socket.bufferedAmount = 0
  for (let next = unread.shift(); next; next = unread.shift()) next()
  unread = []
  return frames.slice(1).map((frame) => {
    const { id, runId, seq, fromSeq, data } = JSON.parse(frame)
    assert.equal(id, 7)
    return [runId, fromSeq ?? seq, seq, data.text]
  })
}

test('content of a subscription that waits is merged within a run, never across runs', () => {
  const frames = read([
    ['r1', 1, { text: 'a' }],
    ['r1', 2, { text: 'b' }],
    ['r2', 1, { text: 'c' }],
    ['r2', 2, { text: 'd' }],
    ['r1', 3, { text: 'e' }]
  ])
  assert.deepEqual(frames, [
    ['r1', 1, 2, 'ab'],
    ['r2', 1, 2, 'cd'],
    ['r1', 3, 3, 'e']
  ])
})

test('what a connection got by another request is not claimed by a merged frame of its subscription', () => {
  const frames = read([
    ['r1', 1, { text: 'a' }],
    ['r1', 2, { text: 'b' }],
    ['r1', 5, { text: 'e' }],
    ['r1', 6, { text: 'f' }]
  ])
  assert.deepEqual(frames, [
    ['r1', 1, 2, 'ab'],
    ['r1', 5, 6, 'ef']
  ])
})

test('content that is no part of the answer stays by itself', () => {
  const frames = read([
    ['r1', 1, { text: 'stopped', transient: true }],
    ['r1', 2, { text: 'a' }],
    ['r1', 3, { text: 'b' }],
    ['r1', 4, { text: 'stopped', transient: true }]
  ])
  assert.deepEqual(frames, [
    ['r1', 1, 1, 'stopped'],
    ['r1', 2, 3, 'ab'],
    ['r1', 4, 4, 'stopped']
  ])
})
