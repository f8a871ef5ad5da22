import assert from 'node:assert/strict'
import test from 'node:test'
import { KEEP_MS, MAX_BYTES, MAX_RUN_BYTES } from '../../../plugins/bus/replay-retention.ts'
import { listener, NOTHING, result, rig, SESSION } from './fixtures.ts'

const MiB = 1024 * 1024
const text = 'x'.repeat(MiB)

/** A run that has said so many MiB, one event each. */
function saying(bus: ReturnType<typeof rig>['bus'], runId: string, count: number) {
  const stream = bus.stream(SESSION, runId)
  for (let said = 0; said < count; said++) stream.emit('content', { text })
  return stream
}

test('of one run the newest 16 MiB are kept, and its own listeners miss nothing', () => {
  const { bus } = rig()
  const { listen, seqs } = listener()
  const stream = bus.stream(SESSION, 'r1')
  bus.replay(stream, { afterSeq: 0 }, listen)
  saying(bus, 'r1', 40)
  assert.deepEqual(
    seqs(),
    Array.from({ length: 40 }, (_, index) => index + 1)
  )
  assert.ok(bus.held.bytes <= MAX_RUN_BYTES + MiB)
  // An event is a little more than its text.
  assert.equal(stream.firstSeq, 40 - 15 + 1)
  const late = listener()
  bus.replay(stream, { afterSeq: stream.firstSeq - 1 }, late.listen)
  assert.deepEqual(late.seqs(), seqs().slice(-15))
})

test('an event that is larger than all that may be kept is told, and not kept', () => {
  const { bus } = rig()
  const { listen, seqs } = listener()
  bus.subscribe(SESSION, {}, listen)
  const stream = saying(bus, 'r1', 1)
  const before = bus.held.bytes
  stream.emit('tool_end', { result: { output: text.repeat(17) } })
  assert.deepEqual([seqs(), stream.firstSeq], [[1, 2], 3])
  assert.ok(bus.held.bytes < before)
  stream.emit('content', { text: 'small' })
  assert.equal(stream.firstSeq, 3)
})

test('of a run whose answer alone is larger than that nothing is kept, and whoever waits is answered', async () => {
  const { bus } = rig()
  bus.joined(SESSION, 'm1', 'm1')
  const stream = saying(bus, 'm1', 17)
  const answers = [
    bus.follow({ sessionId: SESSION, messageId: 'm1' }, () => {}).outcome,
    bus.replay(stream, { afterSeq: 0 }, () => {}).outcome
  ]
  const outcome = result('m1', text.repeat(17))
  stream.end(outcome)
  bus.settled(SESSION, 'm1', outcome)
  for (const answer of answers) assert.equal(await answer, outcome.result)
  assert.deepEqual(bus.held, NOTHING)
})

test('many small events are bounded too, and each costs as much at the end as at the beginning', () => {
  const { bus } = rig()
  const stream = bus.stream(SESSION, 'r1')
  for (let said = 0; said < 400_000; said++) stream.emit('content', { text: 'word ' })
  assert.equal(stream.seq, 400_000)
  assert.ok(stream.log.length < MAX_RUN_BYTES / 100)
  assert.ok(bus.held.bytes <= MAX_RUN_BYTES + 4096)
  assert.deepEqual(
    stream.log.after(399_998).map(({ seq }) => seq),
    [399_999, 400_000]
  )
})

test('over all runs 128 MiB are kept: what ended longest ago goes first', () => {
  const { bus } = rig()
  const runs = Array.from({ length: 9 }, (_, index) => saying(bus, `r${index}`, 14))
  // The order in which they ended is not that in which they began.
  const ended = [3, 0, 7, 1].map((index) => runs[index]!)
  for (const run of ended) run.end(result(run.runId))
  saying(bus, 'more', 14)
  saying(bus, 'and more', 12)
  assert.ok(bus.held.bytes <= MAX_BYTES)
  const kept = runs.filter(({ runId }) => bus.find(SESSION, runId) !== undefined).map(({ runId }) => runId)
  assert.deepEqual(kept, ['r1', 'r2', 'r4', 'r5', 'r6', 'r7', 'r8'])
})

test('runs under way lose their oldest events last, the largest run first', () => {
  const { bus } = rig()
  const small = saying(bus, 'small', 2)
  const large = Array.from({ length: 8 }, (_, index) => saying(bus, `r${index}`, 15))
  saying(bus, 'late', 14)
  assert.ok(bus.held.bytes <= MAX_BYTES)
  assert.equal(small.firstSeq, 1)
  assert.ok(large.some(({ firstSeq }) => firstSeq > 1))
  assert.ok(large.every(({ log }) => log.length > 0))
})

test('a run is kept for ten minutes after its end, and nothing of it longer', async () => {
  const { bus, clock } = rig()
  for (const runId of ['r1', 'r2']) {
    bus.joined(SESSION, runId, runId)
    const stream = saying(bus, runId, 1)
    stream.end(result(runId, 'text'))
    bus.settled(SESSION, runId, result(runId, 'text'))
    await clock.advance(KEEP_MS / 2)
  }
  assert.equal(bus.find(SESSION, 'r1'), undefined)
  assert.equal(bus.find(SESSION, 'r2')?.runId, 'r2')
  await clock.advance(KEEP_MS / 2 - 1)
  assert.equal(bus.newest(SESSION)?.runId, 'r2')
  await clock.advance(1)
  assert.deepEqual(bus.held, NOTHING)
  assert.equal(clock.pending, 0)
})

test('a run under way is kept however long it takes', async () => {
  const { bus, clock } = rig()
  saying(bus, 'r1', 1)
  bus.stream(SESSION, 'r2').end(result('r2'))
  await clock.advance(KEEP_MS * 6)
  assert.equal(bus.find(SESSION, 'r1')?.firstSeq, 1)
  assert.equal(bus.find(SESSION, 'r2'), undefined)
})

test('one timer serves all runs that ended, and there is none when nothing is kept', async () => {
  const { bus, clock } = rig()
  assert.equal(clock.pending, 0)
  for (let run = 0; run < 100; run++) bus.stream(SESSION, `r${run}`).end(result(`r${run}`))
  assert.equal(clock.pending, 1)
  await clock.advance(KEEP_MS)
  assert.deepEqual([bus.held, clock.pending], [NOTHING, 0])
})

test('a hundred thousand empty runs are bounded as well', () => {
  const { bus } = rig()
  for (let run = 0; run < 150_000; run++) bus.stream(SESSION, `r${run}`).end(result(`r${run}`))
  assert.ok(bus.held.bytes <= MAX_BYTES)
  assert.ok(bus.held.streams < 150_000)
})
