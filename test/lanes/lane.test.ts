import assert from 'node:assert/strict'
import test from 'node:test'
import { Lane, type LaneHost, type LaneState } from '../../lanes/lane.ts'
import { Slots } from '../../lanes/slots.ts'
import { ABANDON_AFTER, FakeClock, Job, RUN_TIMEOUT, rig, settle } from './rig.ts'

/** A lane `x` in one of its states, with `more` items queued behind what is needed to get there. */
async function laneIn(state: LaneState, more: number) {
  const world = rig({ maxConcurrentRuns: 1 })
  const blocker = state === 'ready' ? world.submit('other', 'blocker') : undefined
  const active = state === 'idle' ? undefined : world.submit('x', 'active', { onAbort: 'ignores' })
  for (let index = 0; index < more; index++) world.submit('x', `more ${index}`)
  await settle()
  if (state === 'stopping') await world.clock.advance(RUN_TIMEOUT)
  assert.equal(world.lanes.snapshot('x').state, state)
  return { ...world, blocker, active }
}

type World = Awaited<ReturnType<typeof laneIn>>

const events = {
  enqueue: ({ submit }: World) => submit('x', 'new'),
  'a slot becomes free': ({ blocker }: World) => blocker!.finish(),
  'the run returns': ({ active }: World) => active!.finish(),
  'the run throws': ({ active }: World) => active!.fail(),
  'the run timeout passes': ({ clock }: World) => clock.advance(RUN_TIMEOUT),
  'the abandon deadline passes': ({ clock }: World) => clock.advance(ABANDON_AFTER),
  'cancel everything': ({ lanes }: World) => lanes.cancel('x'),
  "cancel a stranger's": ({ lanes }: World) => lanes.cancel('x', { owner: 'bob' }),
  'close, its grace passes': ({ lanes, clock }: World) => {
    lanes.close(10)
    return clock.advance(10)
  }
}

/** Every arrow of the diagram, and what must not be one: state, items queued behind, event, next state, items queued then. */
const TABLE: [LaneState, number, keyof typeof events, LaneState, number][] = [
  ['idle', 0, 'enqueue', 'running', 0],
  ['idle', 0, 'cancel everything', 'idle', 0],
  ['idle', 0, 'close, its grace passes', 'idle', 0],

  ['ready', 0, 'enqueue', 'ready', 2],
  ['ready', 0, 'a slot becomes free', 'running', 0],
  ['ready', 2, 'a slot becomes free', 'running', 2],
  ['ready', 0, 'the abandon deadline passes', 'ready', 1],
  ['ready', 0, 'cancel everything', 'idle', 0],
  ['ready', 2, 'cancel everything', 'idle', 0],
  ['ready', 2, "cancel a stranger's", 'ready', 3],
  ['ready', 2, 'close, its grace passes', 'idle', 0],

  ['running', 0, 'enqueue', 'running', 1],
  ['running', 0, 'the run returns', 'idle', 0],
  ['running', 2, 'the run returns', 'running', 1],
  ['running', 0, 'the run throws', 'idle', 0],
  ['running', 2, 'the run throws', 'running', 1],
  ['running', 2, 'the run timeout passes', 'stopping', 2],
  ['running', 0, 'the abandon deadline passes', 'running', 0],
  ['running', 0, 'cancel everything', 'stopping', 0],
  ['running', 2, 'cancel everything', 'stopping', 0],
  ['running', 2, "cancel a stranger's", 'running', 2],
  ['running', 2, 'close, its grace passes', 'stopping', 0],

  ['stopping', 0, 'enqueue', 'stopping', 1],
  ['stopping', 0, 'the run returns', 'idle', 0],
  ['stopping', 2, 'the run returns', 'running', 1],
  ['stopping', 0, 'the run throws', 'idle', 0],
  ['stopping', 2, 'the run throws', 'running', 1],
  ['stopping', 0, 'the abandon deadline passes', 'idle', 0],
  ['stopping', 2, 'the abandon deadline passes', 'running', 1],
  ['stopping', 2, 'cancel everything', 'stopping', 0],
  ['stopping', 2, "cancel a stranger's", 'stopping', 2],
  ['stopping', 2, 'close, its grace passes', 'stopping', 0]
]

for (const [state, more, event, nextState, queued] of TABLE) {
  test(`${state} with ${more} more queued: after "${event}" the lane is ${nextState} with ${queued} queued`, async () => {
    const world = await laneIn(state, more)
    await events[event](world)
    await settle()
    const { runningSince, ...rest } = world.lanes.snapshot('x')
    assert.deepEqual(rest, { state: nextState, queued })
    assert.equal(runningSince !== undefined, nextState === 'running' || nextState === 'stopping')
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
  const dropped: Lane[] = []
  const host: LaneHost = {
    clock: new FakeClock(),
    slots: new Slots(1),
    runTimeoutMs: RUN_TIMEOUT,
    abandonAfterMs: ABANDON_AFTER,
    queued: 0,
    nextEpoch: () => 1,
    nextTicketId: () => 1,
    dropped: (lane) => dropped.push(lane)
  }
  return { host, dropped, lane: new Lane('x', host) }
}

test('a transition that the diagram does not have is refused: a slot for a lane that asked for none', () => {
  const { lane } = bareLane()
  assert.throws(() => lane.granted(), /only a ready lane can run/)
  lane.enqueue(new Job('one'))
  assert.throws(() => lane.granted(), /only a ready lane can run/)
})

test('a slot given back or withdrawn from by mistake is refused', () => {
  const { host, lane } = bareLane()
  assert.throws(() => host.slots.withdraw(lane), /only who waits/)
  host.slots.request({ granted() {} })
  lane.enqueue(new Job('one'))
  assert.throws(() => host.slots.request(lane), /cannot ask for a second one/)
})

test('the number of slots must be a positive integer', () => {
  for (const count of [0, -1, 1.5, Number.NaN]) assert.throws(() => new Slots(count), /must be a positive integer/)
})
