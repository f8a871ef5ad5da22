import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { WebSocket } from 'ws'
import type { EventFrame } from '../../rpc/frames.ts'
import { Corker, SendBuffer } from '../../rpc/send-buffer.ts'

const LIMIT = 100

/** A peer that reads when the test says so. Only its network edge is played: what was written and not yet read. */
function peer({ limit = LIMIT } = {}) {
  const unread: { text: string; sent: () => void }[] = []
  const read: string[] = []
  let slow = 0
  const checks: (() => void)[] = []
  const socket = {
    get bufferedAmount() {
      return unread.reduce((sum, { text }) => sum + text.length, 0)
    },
    send: (text: string, sent: () => void) => unread.push({ text, sent })
  } as unknown as WebSocket
  const outbox = new SendBuffer({
    socket,
    stream: undefined,
    corker: new Corker(),
    limit,
    later: (fn) => checks.push(fn),
    onSlow: () => slow++
  })
  /** Reads the next frame. Answers whether there was one. */
  const readOne = (): boolean => {
    const next = unread.shift()
    if (next) {
      read.push(next.text)
      next.sent()
    }
    return next !== undefined
  }
  const readAll = (): void => {
    while (readOne()) {}
  }
  /** The time after which a peer must have made progress is over. */
  const stall = (): void => {
    for (const check of checks.splice(0)) check()
  }
  return { outbox, read, slow: () => slow, readOne, readAll, stall }
}

function content(text: string, seq: number, { runId = 'r1', id = 1 } = {}): EventFrame {
  return { id, event: 'content', data: { text }, origin: { sessionId: 's:1', runId, seq } }
}

test('a peer that reads gets every event as it was', () => {
  const { outbox, read, readOne } = peer()
  for (const seq of [1, 2, 3]) {
    outbox.event('native', content('x'.repeat(200), seq))
    readOne()
  }
  assert.deepEqual(
    read.map((frame) => JSON.parse(frame).seq),
    [1, 2, 3]
  )
})

test('content that waits is merged, and says what it stands for', () => {
  const { outbox, read, readAll } = peer({ limit: 150 })
  outbox.send('x'.repeat(200))
  for (const [index, letter] of ['a', 'b', 'c'].entries()) outbox.event('native', content(letter, index + 1))
  readAll()
  assert.equal(read.length, 2)
  const { data, seq, fromSeq } = JSON.parse(read[1]!)
  assert.deepEqual({ data, seq, fromSeq }, { data: { text: 'abc' }, seq: 3, fromSeq: 1 })
})

test('a peer that never reads is given up once, and nothing is kept for it', () => {
  const { outbox, slow, read, readAll, stall } = peer()
  for (let seq = 1; seq < 100; seq++) outbox.event('native', content('x'.repeat(10), seq))
  assert.equal(slow(), 0)
  stall()
  stall()
  assert.equal(slow(), 1)
  readAll()
  assert.ok(read.join('').length < LIMIT * 5, `wrote ${read.join('').length} characters to a peer that does not read`)
})

test('a burst beyond every limit is no reason to give up a peer that reads', () => {
  const { outbox, slow, readOne, readAll, read, stall } = peer()
  for (let n = 0; n < 40; n++) outbox.send(`${n}${'x'.repeat(100)}`)
  for (let n = 0; n < 10; n++) {
    readOne()
    stall()
  }
  readAll()
  assert.equal(slow(), 0)
  assert.deepEqual(
    read.map((frame) => Number.parseInt(frame, 10)),
    Array.from({ length: 40 }, (_, n) => n)
  )
})

test('a peer that reads a byte now and then cannot fill the memory', () => {
  const { outbox, slow, readOne, stall } = peer()
  for (let n = 0; n < 100; n++) {
    outbox.send('x'.repeat(LIMIT))
    readOne()
    outbox.send('x'.repeat(LIMIT))
    stall()
  }
  assert.equal(slow(), 1)
})

test('content of two runs that alternate is merged too', () => {
  const { outbox, read, readAll } = peer({ limit: 150 })
  outbox.send('x'.repeat(200))
  for (const seq of [1, 2, 3]) {
    outbox.event('native', content(`a${seq}`, seq, { runId: 'r1', id: 1 }))
    outbox.event('native', content(`b${seq}`, seq, { runId: 'r2', id: 2 }))
  }
  readAll()
  assert.deepEqual(
    read.slice(1).map((frame) => JSON.parse(frame).data.text),
    ['a1a2a3', 'b1b2b3']
  )
})

test('one frame larger than every limit reaches a peer that reads', () => {
  const { outbox, slow, read, readAll } = peer()
  outbox.send('x'.repeat(LIMIT * 50))
  readAll()
  assert.equal(slow(), 0)
  assert.equal(read.length, 1)
})

test('finish writes what waits, then takes nothing more', () => {
  const { outbox, read, readAll } = peer()
  outbox.send('x'.repeat(200))
  outbox.send('waits')
  outbox.finish()
  outbox.send('too late')
  readAll()
  assert.deepEqual(read.slice(1), ['waits'])
})

test('however a peer reads: nothing is lost, nothing reordered, every seq accounted for', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('content' as const),
      text: fc.string({ minLength: 1, maxLength: 20 }),
      run: fc.constantFrom('r1', 'r2')
    }),
    fc.record({ kind: fc.constant('tool' as const), run: fc.constantFrom('r1', 'r2') }),
    fc.record({ kind: fc.constant('read' as const) })
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { outbox, read, readOne, readAll, slow } = peer({ limit: 1000 })
      const sent: { run: string; kind: string; text: string }[] = []
      const seqs: Record<string, number> = { r1: 0, r2: 0 }
      for (const step of steps) {
        if (step.kind === 'read') readOne()
        else {
          const text = step.kind === 'content' ? step.text : '!'
          const seq = ++seqs[step.run]!
          const frame = content(text, seq, { runId: step.run, id: step.run === 'r1' ? 1 : 2 })
          outbox.event('native', step.kind === 'content' ? frame : { ...frame, event: 'tool_start' })
          sent.push({ run: step.run, kind: step.kind, text })
        }
      }
      fc.pre(slow() === 0)
      readAll()
      const frames = read.map((text) => JSON.parse(text))
      for (const run of ['r1', 'r2']) {
        const before = sent
          .filter((item) => item.run === run)
          .map(({ kind, text }) => (kind === 'content' ? text : '[tool]'))
          .join('')
        const after = frames
          .filter((frame) => frame.runId === run)
          .map((frame) => (frame.event === 'content' ? frame.data.text : '[tool]'))
          .join('')
        assert.equal(after, before)
        let next = 1
        for (const { seq, fromSeq = seq } of frames.filter((frame) => frame.runId === run)) {
          assert.equal(fromSeq, next)
          next = seq + 1
        }
        assert.equal(next - 1, seqs[run])
      }
    })
  )
})
