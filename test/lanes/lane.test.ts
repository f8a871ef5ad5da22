import assert from 'node:assert/strict'
import test from 'node:test'
import { ConcurrencyLimiter } from '../../lanes/concurrency-limiter.ts'
import { Lane, type LaneHost } from '../../lanes/lane.ts'
import { MemoryDriver } from '../../lanes/memory.ts'
import type { LaneState } from '../../lanes/policy.ts'
import { ABANDON_AFTER, FakeClock, message, POLICY, RUN_TIMEOUT, rig, settle, type Work } from './fixtures.ts'

/** A lane `x` in one of its states, with `more` messages queued behind what is needed to get there. */
async function laneIn(state: LaneState, more: number) {
  const world = rig({ maxConcurrentRuns: 1 })
  const wait = Promise.withResolvers<void>()
  const blocker = state === 'ready' ? world.submit('other', 'blocker') : undefined
  const active = state === 'idle' ? undefined : world.submit('x', 'active', { onAbort: 'ignores' })
  await settle()
  if (state === 'quiet') world.submit('x', 'collected', { mode: 'collect' })
  for (let index = 0; index < more; index++) world.submit('x', `more ${index}`)
  await settle()
  if (state === 'quiet') active!.finish()
  if (state === 'stopping') await world.clock.advance(RUN_TIMEOUT)
  if (state === 'paused' || state === 'resuming') active!.turn!.pause(() => wait.promise).catch(() => {})
  const other = state === 'resuming' ? world.submit('other', 'has the slot now') : undefined
  await settle()
  if (state === 'resuming') wait.resolve()
  await settle()
  assert.equal(world.lanes.snapshot('x').state, state)
  return { ...world, wait, blocker: blocker ?? other, active }
}

type World = Awaited<ReturnType<typeof laneIn>>

const events = {
  'a message comes': ({ submit }: World) => submit('x', 'new'),
  'one to collect comes': ({ submit }: World) => submit('x', 'new', { mode: 'collect' }),
  'one to steer comes': ({ submit }: World) => submit('x', 'new', { mode: 'steer' }),
  'one that interrupts comes': ({ submit }: World) => submit('x', 'new', { mode: 'interrupt' }),
  'the window passes': ({ clock }: World) => clock.advance(POLICY.debounceMs),
  'the run pauses': ({ active }: World) => void active!.turn!.pause(() => new Promise(() => {})).catch(() => {}),
  'the wait is over': ({ wait }: World) => wait.resolve(),
  'a slot becomes free': ({ blocker }: World) => blocker!.finish(),
  'the run returns': ({ active }: World) => active!.finish(),
  'the run throws': ({ active }: World) => active!.fail(),
  'the run timeout passes': ({ clock }: World) => clock.advance(RUN_TIMEOUT),
  'the abandon deadline passes': ({ clock }: World) => clock.advance(ABANDON_AFTER),
  'cancel everything': ({ lanes }: World) => lanes.cancel('x'),
  "cancel a stranger's": ({ lanes }: World) => lanes.cancel('x', { owner: 'bob' }),
  'clear it': ({ lanes }: World) => lanes.clear('x'),
  'close, its grace passes': ({ lanes, clock }: World) => {
    lanes.close(10)
    return clock.advance(10)
  }
}

/** Every arrow of the diagram, and what must not be one: state, items queued behind, event, next state, items queued then. */
const TABLE: [LaneState, number, keyof typeof events, LaneState, number][] = [
  ['idle', 0, 'a message comes', 'running', 0],
  ['idle', 0, 'one to collect comes', 'running', 0],
  ['idle', 0, 'one to steer comes', 'running', 0],
  ['idle', 0, 'one that interrupts comes', 'running', 0],
  ['idle', 0, 'cancel everything', 'idle', 0],
  ['idle', 0, 'close, its grace passes', 'idle', 0],

  ['quiet', 0, 'the window passes', 'running', 0],
  ['quiet', 2, 'the window passes', 'running', 2],
  ['quiet', 0, 'a message comes', 'quiet', 2],
  ['quiet', 0, 'one to collect comes', 'quiet', 2],
  ['quiet', 0, 'one to steer comes', 'quiet', 2],
  ['quiet', 2, 'one that interrupts comes', 'running', 0],
  ['quiet', 2, 'cancel everything', 'idle', 0],
  ['quiet', 2, 'clear it', 'idle', 0],
  ['quiet', 0, "cancel a stranger's", 'quiet', 1],
  ['quiet', 2, 'close, its grace passes', 'idle', 0],

  ['ready', 0, 'a message comes', 'ready', 2],
  ['ready', 0, 'one to collect comes', 'ready', 2],
  ['ready', 2, 'one to steer comes', 'ready', 4],
  ['ready', 2, 'one that interrupts comes', 'ready', 1],
  ['ready', 0, 'a slot becomes free', 'running', 0],
  ['ready', 2, 'a slot becomes free', 'running', 2],
  ['ready', 0, 'the abandon deadline passes', 'ready', 1],
  ['ready', 0, 'cancel everything', 'idle', 0],
  ['ready', 2, 'cancel everything', 'idle', 0],
  ['ready', 2, 'clear it', 'idle', 0],
  ['ready', 2, "cancel a stranger's", 'ready', 3],
  ['ready', 2, 'close, its grace passes', 'idle', 0],

  ['running', 0, 'a message comes', 'running', 1],
  ['running', 0, 'one to collect comes', 'running', 1],
  ['running', 2, 'one to steer comes', 'running', 3],
  ['running', 2, 'one that interrupts comes', 'stopping', 1],
  ['running', 0, 'the run pauses', 'paused', 0],
  ['running', 0, 'the run returns', 'idle', 0],
  ['running', 2, 'the run returns', 'running', 1],
  ['running', 0, 'the run throws', 'idle', 0],
  ['running', 2, 'the run throws', 'running', 1],
  ['running', 2, 'the run timeout passes', 'stopping', 2],
  ['running', 0, 'the abandon deadline passes', 'running', 0],
  ['running', 0, 'cancel everything', 'stopping', 0],
  ['running', 2, 'cancel everything', 'stopping', 0],
  ['running', 2, 'clear it', 'running', 0],
  ['running', 2, "cancel a stranger's", 'running', 2],
  ['running', 2, 'close, its grace passes', 'stopping', 0],

  ['paused', 0, 'a message comes', 'paused', 1],
  ['paused', 2, 'one to steer comes', 'paused', 3],
  ['paused', 2, 'one that interrupts comes', 'stopping', 1],
  ['paused', 0, 'the run pauses', 'paused', 0],
  ['paused', 0, 'the wait is over', 'running', 0],
  ['paused', 0, 'the run returns', 'idle', 0],
  ['paused', 2, 'the run throws', 'running', 1],
  ['paused', 2, 'the run timeout passes', 'paused', 2],
  ['paused', 2, 'cancel everything', 'stopping', 0],
  ['paused', 2, 'clear it', 'paused', 0],
  ['paused', 2, 'close, its grace passes', 'stopping', 0],

  ['resuming', 0, 'a message comes', 'resuming', 1],
  ['resuming', 2, 'one that interrupts comes', 'stopping', 1],
  ['resuming', 0, 'the run pauses', 'paused', 0],
  ['resuming', 0, 'a slot becomes free', 'running', 0],
  ['resuming', 0, 'the run returns', 'idle', 0],
  ['resuming', 2, 'the run returns', 'ready', 2],
  ['resuming', 2, 'the abandon deadline passes', 'resuming', 2],
  ['resuming', 2, 'cancel everything', 'stopping', 0],
  ['resuming', 2, 'close, its grace passes', 'stopping', 0],

  ['stopping', 0, 'a message comes', 'stopping', 1],
  ['stopping', 2, 'one to steer comes', 'stopping', 3],
  ['stopping', 2, 'one that interrupts comes', 'stopping', 1],
  ['stopping', 0, 'the run pauses', 'stopping', 0],
  ['stopping', 0, 'the run returns', 'idle', 0],
  ['stopping', 2, 'the run returns', 'running', 1],
  ['stopping', 0, 'the run throws', 'idle', 0],
  ['stopping', 2, 'the run throws', 'running', 1],
  ['stopping', 0, 'the abandon deadline passes', 'idle', 0],
  ['stopping', 2, 'the abandon deadline passes', 'running', 1],
  ['stopping', 2, 'cancel everything', 'stopping', 0],
  ['stopping', 2, 'clear it', 'stopping', 0],
  ['stopping', 2, "cancel a stranger's", 'stopping', 2],
  ['stopping', 2, 'close, its grace passes', 'stopping', 0]
]

for (const [state, more, event, nextState, queued] of TABLE) {
  test(`${state} with ${more} more queued: after "${event}" the lane is ${nextState} with ${queued} queued`, async () => {
    const world = await laneIn(state, more)
    await events[event](world)
    await settle()
    const { running, oldestAgeMs, ...rest } = world.lanes.snapshot('x')
    assert.deepEqual(rest, { state: nextState, depth: queued })
    assert.equal(running !== undefined, ['running', 'paused', 'resuming', 'stopping'].includes(nextState))
    assert.equal(oldestAgeMs !== undefined, queued > 0)
    assert.equal(world.lanes.has('x'), nextState !== 'idle')
  })
}

test('a lane whose turn is over lets the others in the line go first, and is ready meanwhile', async () => {
  const { submit, lanes, called } = rig({ maxConcurrentRuns: 1 })
  const first = submit('x', 'x1')
  submit('x', 'x2')
  submit('y', 'y1')
  await settle()
  first.finish()
  await settle()
  assert.deepEqual(called, ['x1', 'y1'])
  assert.equal(lanes.snapshot('x').state, 'ready')
})

/** A lane of its own, for transitions that `Lanes` never asks for. */
function bareLane() {
  const dropped: unknown[] = []
  const host: LaneHost<Work, unknown> = {
    clock: new FakeClock(),
    slots: new ConcurrencyLimiter(1),
    held: new Set(),
    runTimeoutMs: RUN_TIMEOUT,
    abandonAfterMs: ABANDON_AFTER,
    run: () => new Promise(() => {}),
    preempted() {},
    driver: new MemoryDriver(),
    waiting: 0,
    newId: () => 'id',
    nextEpoch: () => 1,
    dropped: (lane) => dropped.push(lane)
  }
  return { host, dropped, lane: new Lane('x', host) }
}

test('a transition that the diagram does not have is refused: a slot for a lane that asked for none', async () => {
  const { lane } = bareLane()
  assert.throws(() => lane.granted(), /only a ready lane can run/)
  await lane.send(message({ run() {} }), undefined)
  assert.throws(() => lane.granted(), /only a ready lane can run/)
})

test('a slot given back or withdrawn from by mistake is refused', async () => {
  const { host, lane } = bareLane()
  assert.throws(() => host.slots.withdraw(lane), /only who waits/)
  host.slots.request({ granted() {} }, 'person')
  await lane.send(message({ run() {} }), undefined)
  assert.throws(() => host.slots.request(lane, 'system'), /cannot ask for a second one/)
})

test('the number of slots must be a positive integer', () => {
  for (const count of [0, -1, 1.5, Number.NaN]) assert.throws(() => new ConcurrencyLimiter(count), /must be a positive integer/)
})
