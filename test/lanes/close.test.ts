import assert from 'node:assert/strict'
import test from 'node:test'
import { ABANDON_AFTER, rig, settle } from './fixtures.ts'

const GRACE = 200

/** Whether a promise has resolved by now. */
async function isDone(promise: Promise<void>): Promise<boolean> {
  let done = false
  promise.then(() => {
    done = true
  })
  await settle()
  return done
}

test('close refuses new work and rejects what is queued at once, with shutdown', async () => {
  const { submit, lanes } = rig({ maxConcurrentRuns: 1 })
  const active = submit('x', 'active')
  const queued = [submit('x', 'queued'), submit('y', 'waits for a slot')]
  await settle()
  lanes.close(GRACE)
  const late = [submit('x', 'late'), submit('z', 'late')]
  await settle()
  for (const job of late) assert.deepEqual(job.outcomes, ['refused: shutdown'])
  for (const job of queued) {
    assert.deepEqual(job.outcomes, ['shutdown'])
    assert.equal(job.calls, 0)
  }
  assert.equal(active.turn!.signal.aborted, false)
  assert.deepEqual(lanes.ids(), ['x'])
})

test('a run that ends within the grace has its own outcome, and close ends with the last one', async () => {
  const { submit, lanes, clock } = rig()
  const [first, last] = [submit('x', 'first'), submit('y', 'last')]
  await settle()
  const closed = lanes.close(GRACE)
  first.finish()
  assert.equal(await isDone(closed), false)
  last.fail()
  await closed
  await settle()
  assert.deepEqual([first.outcomes, last.outcomes], [['done'], ['failed']])
  assert.equal(clock.pending, 0)
})

test('a run that does not end within the grace is aborted, and ends as shutdown', async () => {
  const { submit, lanes, clock } = rig()
  const job = submit('x', 'job')
  await settle()
  const closed = lanes.close(GRACE)
  await clock.advance(GRACE - 1)
  assert.deepEqual(job.outcomes, [])
  await clock.advance(1)
  await closed
  await settle()
  assert.deepEqual(job.outcomes, ['shutdown'])
})

test('a run that ignores even that is abandoned: close ends at the latest one abandon deadline after the grace', async () => {
  const { submit, lanes, clock } = rig()
  const jobs = ['x', 'y'].map((id) => submit(id, id, { onAbort: 'ignores' }))
  await settle()
  const closed = lanes.close(GRACE)
  await clock.advance(GRACE + ABANDON_AFTER - 1)
  assert.equal(await isDone(closed), false)
  await clock.advance(1)
  await closed
  for (const job of jobs) assert.deepEqual(job.outcomes, ['shutdown'])
  assert.equal(lanes.size, 0)
  assert.equal(clock.pending, 0)
})

test('a run can still be cancelled while the lanes close', async () => {
  const { submit, lanes } = rig()
  const job = submit('x', 'job')
  await settle()
  const closed = lanes.close(GRACE)
  assert.equal(lanes.cancel('x').running, true)
  await closed
  await settle()
  assert.deepEqual(job.outcomes, ['cancelled'])
})

test('closing twice is closing once: the first grace stands', async () => {
  const { submit, lanes, clock } = rig()
  const job = submit('x', 'job')
  await settle()
  const closed = lanes.close(GRACE)
  assert.equal(lanes.close(10 * GRACE), closed)
  await clock.advance(GRACE)
  await closed
  await settle()
  assert.deepEqual(job.outcomes, ['shutdown'])
})

test('closing with nothing to do ends at once', async () => {
  const { lanes, clock } = rig()
  await lanes.close(GRACE)
  assert.equal(clock.pending, 0)
})
