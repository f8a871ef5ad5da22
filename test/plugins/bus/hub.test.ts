import assert from 'node:assert/strict'
import test from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { FAILURE, listener, NOTHING, result, rig, SESSION } from './fixtures.ts'

test('the events of a run are numbered from 1, and say where they come from', () => {
  const { bus } = rig()
  const { listen, told } = listener()
  bus.subscribe(SESSION, {}, listen)
  bus.stream(SESSION, 'r1').emit('content', { text: 'a' })
  bus.stream(SESSION, 'r2').emit('content', { text: 'b' })
  bus.stream(SESSION, 'r1').emit('done', { content: 'a' })
  assert.deepEqual(told, [
    { sessionId: SESSION, runId: 'r1', seq: 1, event: 'content', data: { text: 'a' } },
    { sessionId: SESSION, runId: 'r2', seq: 1, event: 'content', data: { text: 'b' } },
    { sessionId: SESSION, runId: 'r1', seq: 2, event: 'done', data: { content: 'a' } }
  ])
})

test('after its end a run says nothing, and its first end stands', async () => {
  const { bus } = rig()
  const { listen, seqs } = listener()
  const stream = bus.stream(SESSION, 'r1')
  const { outcome } = bus.replay(stream, { afterSeq: 0 }, listen)
  stream.emit('content', { text: 'a' })
  stream.end(result('r1', 'a'))
  stream.end(FAILURE)
  stream.emit('content', { text: 'late' })
  assert.deepEqual([seqs(), stream.seq, stream.ended], [[1], 1, true])
  assert.equal((await outcome).content, 'a')
})

test('a requester is told of its message alone, from where it joined a run, and answered when it is settled', async () => {
  const { bus } = rig()
  const { listen, told } = listener()
  const { outcome } = bus.follow({ sessionId: SESSION, messageId: 'm2' }, listen)
  bus.joined(SESSION, 'm1', 'm1')
  const stream = bus.stream(SESSION, 'm1')
  stream.emit('content', { text: 'before' })
  bus.notify(SESSION, 'm1', 'accepted', { messageId: 'm1' })
  bus.notify(SESSION, 'm2', 'accepted', { messageId: 'm2' })
  bus.joined(SESSION, 'm1', 'm2')
  bus.joined(SESSION, 'm1', 'm2')
  stream.emit('content', { text: 'after' })
  bus.settled(SESSION, 'm2', result('m1', 'mine'))
  bus.settled(SESSION, 'm2', FAILURE)
  stream.emit('content', { text: 'too late' })
  assert.deepEqual(told, [
    { sessionId: SESSION, messageId: 'm2', event: 'accepted', data: { messageId: 'm2' } },
    { sessionId: SESSION, runId: 'm1', seq: 2, event: 'content', data: { text: 'after' } }
  ])
  assert.equal((await outcome).content, 'mine')
})

test('what a message was settled with is thrown as an error of the protocol', async () => {
  const { bus } = rig()
  const { outcome } = bus.follow({ sessionId: SESSION, messageId: 'm1' }, () => {})
  bus.settled(SESSION, 'm1', { error: { kind: 'AgentBusy', message: 'too much', data: { queue: { code: 'overflow' } } } })
  await assert.rejects(outcome, {
    name: 'RpcError',
    code: 3,
    message: 'too much',
    data: { retryable: true, queue: { code: 'overflow' } }
  })
})

test('an outcome that nobody watches is no unhandled rejection', async () => {
  const { bus } = rig()
  let unhandled = 0
  const count = (): void => void unhandled++
  process.on('unhandledRejection', count)
  bus.follow({ sessionId: SESSION, messageId: 'm1' }, () => {})
  bus.settled(SESSION, 'm1', FAILURE)
  bus.follow({ sessionId: SESSION, messageId: 'm2' }, () => {}).stop()
  bus.follow({ sessionId: SESSION, messageId: 'm3', signal: AbortSignal.abort() }, () => {})
  bus.follow({ sessionId: SESSION, messageId: 'm4' }, () => {})
  bus.close()
  await setImmediate()
  process.off('unhandledRejection', count)
  assert.equal(unhandled, 0)
})

for (const [way, stopped] of [
  ['stop()', ({ stop }: { stop: () => void; abort: () => void }) => stop()],
  ['its signal', ({ abort }: { stop: () => void; abort: () => void }) => abort()]
] as const) {
  test(`${way} ends what a requester is told, and frees everything`, async () => {
    const { bus, clock } = rig()
    const { listen, seqs } = listener()
    const controller = new AbortController()
    const following = bus.follow({ sessionId: SESSION, messageId: 'm1', signal: controller.signal }, listen)
    bus.joined(SESSION, 'm1', 'm1')
    const stream = bus.stream(SESSION, 'm1')
    stream.emit('content', { text: 'a' })
    stopped({ stop: following.stop, abort: () => controller.abort() })
    stream.emit('content', { text: 'b' })
    assert.deepEqual(seqs(), [1])
    await assert.rejects(following.outcome, { code: 4 })
    assert.equal(bus.held.followers, 0)
    stream.end(result('m1'))
    bus.settled(SESSION, 'm1', result('m1'))
    await clock.advance(10 * 60_000)
    assert.deepEqual(bus.held, NOTHING)
  })
}

test('nobody is told anything once the signal was aborted before', () => {
  const { bus } = rig()
  const { listen, told } = listener()
  const stream = bus.stream(SESSION, 'r1')
  bus.joined(SESSION, 'r1', 'm1')
  stream.emit('content', { text: 'a' })
  bus.follow({ sessionId: SESSION, messageId: 'm1', signal: AbortSignal.abort() }, listen)
  bus.replay(stream, { afterSeq: 0, signal: AbortSignal.abort() }, listen)
  stream.emit('content', { text: 'b' })
  assert.deepEqual([told, bus.held.followers, stream.readers.size], [[], 0, 0])
})

test('a message that goes on in a second run is followed into it', async () => {
  const { bus } = rig()
  const { listen, told } = listener()
  const { outcome } = bus.follow({ sessionId: SESSION, messageId: 'm1' }, listen)
  for (const runId of ['r1', 'r2']) {
    bus.joined(SESSION, runId, 'm1')
    bus.stream(SESSION, runId).emit('content', { text: runId })
    bus.stream(SESSION, runId).end(result(runId))
  }
  bus.settled(SESSION, 'm1', result('r2'))
  assert.deepEqual(
    told.map((event) => 'runId' in event && [event.runId, event.seq]),
    [
      ['r1', 1],
      ['r2', 1]
    ]
  )
  assert.equal((await outcome).runId, 'r2')
})

test('a listener that throws is logged, and harms neither the run nor other listeners', async () => {
  const { bus, problems } = rig()
  const { listen, seqs } = listener()
  const angry = (): void => {
    throw new Error('no')
  }
  bus.subscribe(SESSION, {}, angry)
  bus.subscribe(SESSION, {}, listen)
  const { outcome } = bus.follow({ sessionId: SESSION, messageId: 'm1' }, angry)
  bus.joined(SESSION, 'm1', 'm1')
  const stream = bus.stream(SESSION, 'm1')
  stream.emit('content', { text: 'a' })
  bus.replay(stream, { afterSeq: 0 }, angry)
  stream.emit('done', { content: 'a' })
  bus.settled(SESSION, 'm1', result('m1', 'a'))
  assert.deepEqual(seqs(), [1, 2])
  assert.equal((await outcome).content, 'a')
  assert.equal(problems.length, 6)
  assert.equal(problems[0]!.err.message, 'no')
})

test('what a listener says itself comes after what it was told, for everybody', () => {
  const { bus } = rig()
  const stream = bus.stream(SESSION, 'r1')
  const [first, second] = [listener(), listener()]
  bus.replay(stream, { afterSeq: 0 }, (event) => {
    first.listen(event)
    if (event.event === 'content') {
      stream.emit('tool_start', {})
      stream.emit('tool_end', {})
      stream.end(result('r1'))
    }
  })
  bus.replay(stream, { afterSeq: 0 }, second.listen)
  stream.emit('content', { text: 'a' })
  assert.deepEqual(
    [first.seqs(), second.seqs()],
    [
      [1, 2, 3],
      [1, 2, 3]
    ]
  )
})

test('what a listener says while it is told of the past reaches it once, in order', () => {
  const { bus } = rig()
  const stream = bus.stream(SESSION, 'r1')
  const other = listener()
  bus.subscribe(SESSION, {}, other.listen)
  for (let seq = 1; seq <= 3; seq++) stream.emit('content', { text: 'x' })
  const { listen, seqs } = listener()
  bus.replay(stream, { afterSeq: 1 }, (event) => {
    listen(event)
    if (stream.seq < 6) stream.emit('content', { text: 'more' })
  })
  stream.emit('done', {})
  assert.deepEqual(seqs(), [2, 3, 4, 5, 6, 7])
  assert.deepEqual(other.seqs(), [1, 2, 3, 4, 5, 6, 7])
})

test('who begins to listen while something is still to be told is not told it twice', () => {
  const { bus } = rig()
  const stream = bus.stream(SESSION, 'r1')
  const [replayed, joined] = [listener(), listener()]
  bus.follow({ sessionId: SESSION, messageId: 'm1' }, joined.listen)
  const stop = bus.subscribe(SESSION, {}, () => {
    stop()
    stream.emit('content', { text: 'b' })
    bus.replay(stream, { afterSeq: 0 }, replayed.listen)
    bus.joined(SESSION, 'r1', 'm1')
  })
  stream.emit('content', { text: 'a' })
  stream.emit('content', { text: 'c' })
  assert.deepEqual(replayed.seqs(), [1, 2, 3])
  assert.deepEqual(joined.seqs(), [3])
})

test('a subscription is not told what its connection follows by another request', () => {
  const { bus } = rig()
  const [same, other] = [listener(), listener()]
  bus.subscribe(SESSION, { connectionId: 'c1' }, same.listen)
  bus.subscribe(SESSION, { connectionId: 'c2' }, other.listen)
  const { stop } = bus.follow({ sessionId: SESSION, messageId: 'm1', connectionId: 'c1' }, () => {})
  bus.notify(SESSION, 'm1', 'accepted', {})
  bus.joined(SESSION, 'm1', 'm1')
  const stream = bus.stream(SESSION, 'm1')
  stream.emit('content', { text: 'a' })
  stop()
  stream.emit('content', { text: 'b' })
  const resumed = bus.replay(stream, { afterSeq: 1, connectionId: 'c1' }, () => {})
  stream.emit('content', { text: 'c' })
  resumed.stop()
  stream.emit('content', { text: 'd' })
  assert.deepEqual(same.seqs(), [2, 4])
  assert.deepEqual(other.seqs(), [1, 2, 3, 4])
  assert.deepEqual([same.told.length, other.told.length], [2, 5])
})

test('sessions do not hear each other', () => {
  const { bus } = rig()
  const { listen, told } = listener()
  const stop = bus.subscribe(SESSION, {}, listen)
  bus.stream('test:2', 'r2').emit('content', { text: 'a' })
  bus.notify('test:2', 'm2', 'accepted', {})
  assert.deepEqual(told, [])
  assert.equal(bus.find('test:2', 'r2')?.runId, 'r2')
  assert.equal(bus.find(SESSION, 'r2'), undefined)
  bus.joined('test:2', 'r2', 'm2')
  assert.deepEqual(bus.runsOf(SESSION, 'm2'), [])
  stop()
  stop()
})

test('of a session, the run under way is the newest, or else the one that ended last', () => {
  const { bus } = rig()
  assert.equal(bus.newest(SESSION), undefined)
  const [first, second] = [bus.stream(SESSION, 'r1'), bus.stream(SESSION, 'r2')]
  second.end(FAILURE)
  assert.equal(bus.newest(SESSION), first)
  assert.deepEqual(bus.underWay(SESSION), [first])
  first.end(result('r1'))
  assert.equal(bus.newest(SESSION), first)
  assert.deepEqual(bus.underWay(SESSION), [])
})

test('what ended is forgotten with its session, what is under way is not', () => {
  const { bus } = rig()
  for (const [sessionId, runId] of [
    [SESSION, 'r1'],
    ['test:2', 'r2']
  ] as const) {
    bus.joined(sessionId, runId, runId)
    bus.stream(sessionId, runId).end(result(runId))
    bus.settled(sessionId, runId, result(runId))
  }
  const live = bus.stream(SESSION, 'r3')
  bus.forget(SESSION)
  assert.equal(bus.find(SESSION, 'r1'), undefined)
  assert.deepEqual(bus.runsOf(SESSION, 'r1'), [])
  assert.equal(bus.newest(SESSION), live)
  assert.equal(bus.find('test:2', 'r2')?.ended, true)
})

test('when the bus closes, whoever waits is told so, and nothing is held', async () => {
  const { bus, clock } = rig()
  const { outcome } = bus.follow({ sessionId: SESSION, messageId: 'm1' }, () => {})
  const [stream, ended] = [bus.stream(SESSION, 'r1'), bus.stream(SESSION, 'r2')]
  ended.end(result('r2'))
  const replayed = bus.replay(stream, { afterSeq: 0 }, () => {})
  bus.subscribe(SESSION, {}, () => {})
  bus.close()
  stream.emit('content', { text: 'late' })
  stream.end(result('r1'))
  for (const waiting of [outcome, replayed.outcome]) await assert.rejects(waiting, { code: 3 })
  assert.deepEqual(bus.held, NOTHING)
  assert.equal(clock.pending, 0)
})
