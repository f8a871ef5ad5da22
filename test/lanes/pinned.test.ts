/** A chore waits its turn in a lane, and nothing that happens to messages happens to it. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { rig, settle } from './fixtures.ts'

const chore = { pinned: true, overflow: 'drop_new', cap: 1 } as const

/** A lane `x` with a turn in it, and a chore behind that. */
async function waiting() {
  const world = rig()
  const active = world.submit('x', 'active')
  await settle()
  const job = world.submit('x', 'chore', { ...chore, owner: 'bob' })
  await settle()
  return { ...world, active, chore: job }
}

test('an interruption stops the run, supersedes what waits, and leaves the chore before it', async () => {
  const { submit, active, chore, called } = await waiting()
  const newest = submit('x', 'newest', { mode: 'interrupt' })
  await settle()
  assert.deepEqual([active.outcomes, chore.outcomes, called], [['cancelled'], [], ['active', 'chore']])
  chore.finish()
  await settle()
  newest.finish()
  await settle()
  assert.deepEqual([chore.outcomes, newest.outcomes], [['done'], ['done']])
})

test('overflow passes a chore by, and it takes no place that a message could have', async () => {
  const { submit, active, chore } = await waiting()
  const first = submit('x', 'first', { cap: 1 })
  const second = submit('x', 'second', { cap: 1 })
  await settle()
  assert.deepEqual([first.outcomes, second.outcomes, chore.outcomes], [['overflow'], [], []])
  // A chore that comes to a full lane waits too.
  const another = submit('x', 'another', { pinned: true, cap: 1, overflow: 'drop_new' })
  await settle()
  for (const job of [active, chore, second, another]) {
    job.finish()
    await settle()
  }
  assert.deepEqual([second.outcomes, another.outcomes], [['done'], ['done']])
})

test('cancel and clear leave a chore that waits, and cancel leaves one that runs', async () => {
  const { lanes, active, chore } = await waiting()
  assert.equal(lanes.clear('x'), 0)
  assert.equal(lanes.cancelMessage('x', 'chore'), false)
  assert.equal(lanes.cancel('x').queued, 0)
  await settle()
  assert.deepEqual([active.outcomes, chore.calls], [['cancelled'], 1])
  assert.equal(lanes.cancel('x').running, false)
  await settle()
  assert.deepEqual(chore.turn!.signal.aborted, false)
  chore.finish()
  await settle()
  assert.deepEqual([chore.outcomes, lanes.size], [['done'], 0])
})

test('a chore needs no slot', async () => {
  const { submit, called } = rig({ maxConcurrentRuns: 1 })
  const active = submit('y', 'active')
  await settle()
  const job = submit('x', 'chore', chore)
  const later = submit('x', 'later')
  await settle()
  assert.deepEqual(called, ['active', 'chore'])
  job.finish()
  await settle()
  assert.deepEqual([job.outcomes, later.calls], [['done'], 0])
  active.finish()
  await settle()
  later.finish()
  await settle()
  assert.deepEqual(called, ['active', 'chore', 'later'])
})

test('what was dropped is told to the next turn of whoever said it, not to a chore and not to somebody else', async () => {
  const { submit, active, chore } = await waiting()
  const [anns, bobs] = [
    submit('x', 'ann drops', { cap: 0, overflow: 'drop_new' }),
    submit('x', 'bob drops', { owner: 'bob', cap: 0, overflow: 'drop_new' })
  ]
  const next = submit('x', 'next')
  const his = submit('x', 'his', { owner: 'bob' })
  await settle()
  for (const job of [active, chore, next, his]) {
    job.finish()
    await settle()
  }
  assert.deepEqual([anns.outcomes, bobs.outcomes], [['overflow'], ['overflow']])
  const told = [chore, next, his].map(({ turn }) => turn!.dropped.map(({ id }) => id))
  assert.deepEqual(told, [[], ['ann drops'], ['bob drops']])
})

test('a held lane begins no turn, takes messages in, and lets a chore pass once nothing is before it', async () => {
  const { lanes, submit, active, chore } = await waiting()
  lanes.hold('x')
  const steered = submit('x', 'steered', { mode: 'steer' })
  await settle()
  active.finish()
  await settle()
  // A chore is next, and has to be done.
  assert.deepEqual([lanes.snapshot('x').state, chore.calls, steered.calls], ['running', 1, 0])
  chore.finish()
  await settle()
  assert.deepEqual([lanes.snapshot('x').state, lanes.snapshot('x').depth], ['held', 1])
  lanes.release('x')
  await settle()
  assert.equal(steered.calls, 1)
  steered.finish()
  await settle()
  assert.equal(lanes.size, 0)
})

test('a lane in line for a slot leaves the line when it is held, and stands in it again when it is released', async () => {
  const { lanes, submit } = rig({ maxConcurrentRuns: 1 })
  const other = submit('y', 'other')
  await settle()
  const first = submit('x', 'first')
  await settle()
  assert.equal(lanes.snapshot('x').state, 'ready')
  lanes.hold('x')
  other.finish()
  await settle()
  assert.deepEqual([lanes.snapshot('x').state, first.calls], ['held', 0])
  assert.equal(lanes.clear('x'), 1)
  await settle()
  assert.deepEqual([first.outcomes, lanes.size], [['cancelled'], 0])
  const second = submit('x', 'second')
  await settle()
  assert.deepEqual([lanes.snapshot('x').state, second.calls], ['held', 0])
  lanes.release('x')
  await settle()
  second.finish()
  await settle()
  assert.deepEqual([second.outcomes, lanes.size], [['done'], 0])
})
