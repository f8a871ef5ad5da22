/** What each queue mode does with a message that comes while its lane is busy. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { PEOPLE_AHEAD } from '../../lanes/concurrency-limiter.ts'
import type { LaneError } from '../../lanes/errors.ts'
import type { QueueMode } from '../../lanes/message.ts'
import { MAX_DROPPED_PASSED } from '../../lanes/pending-queue.ts'
import { MAX_WINDOWS } from '../../lanes/policy.ts'
import { ABANDON_AFTER, type JobOptions, POLICY, type RigOptions, RUN_TIMEOUT, rig, settle } from './fixtures.ts'

/** A lane `x` with a turn in it, and a word for each message sent to it. */
async function busy(options: RigOptions = {}, first: JobOptions = {}) {
  const world = rig(options)
  const active = world.submit('x', 'active', first)
  await settle()
  return {
    ...world,
    active,
    async say(name: string, more: JobOptions = {}) {
      const job = world.submit('x', name, more)
      await settle()
      return job
    },
    async finish(job: { finish(): void }) {
      job.finish()
      await settle()
    }
  }
}

const ids = (messages: readonly { id: string }[]): string => messages.map(({ id }) => id).join(' ')

for (const mode of ['collect', 'followup', 'steer', 'steer_backlog', 'interrupt'] satisfies QueueMode[]) {
  test(`on an idle lane ${mode} starts at once, and ends like any other`, async () => {
    const { submit, called } = rig()
    const job = submit('x', 'first', { mode })
    await settle()
    assert.deepEqual(called, ['first'])
    job.finish()
    await settle()
    assert.deepEqual(job.outcomes, ['done'])
  })
}

test.describe('collect', () => {
  test('once the run has ended and the lane is quiet, what one owner sent becomes one turn, with one outcome for each message', async () => {
    const { say, finish, active, clock, called } = await busy()
    // How long the run took does not count: the lane is quiet when the run has ended, and nobody goes on.
    await clock.advance(RUN_TIMEOUT / 2)
    const [one, two] = [await say('1', { mode: 'collect' }), await say('2', { mode: 'collect' })]
    const other = await say('3', { mode: 'collect', owner: 'bob' })
    await finish(active)
    await clock.advance(POLICY.debounceMs - 1)
    assert.deepEqual(called, ['active'])
    await clock.advance(1)
    assert.deepEqual(called, ['active', '1+2'])
    assert.equal(ids(one.turn!.messages), '1 2')
    await finish(one)
    assert.deepEqual([one.outcomes, two.outcomes, other.outcomes], [['collected 2 done'], ['collected 2 done'], []])
    await finish(other)
    assert.deepEqual(other.outcomes, ['done'])
  })

  test('a sender who does not stop is answered all the same, ten windows after the run has ended', async () => {
    const { say, finish, active, clock, called } = await busy()
    await say('0', { mode: 'collect' })
    await finish(active)
    for (let sent = 1; clock.now() < MAX_WINDOWS * POLICY.debounceMs - 1; sent++) {
      await clock.advance(POLICY.debounceMs - 1)
      if (called.length === 1) await say(`${sent}`, { mode: 'collect' })
    }
    await clock.advance(MAX_WINDOWS * POLICY.debounceMs - clock.now())
    assert.equal(called.length, 2)
    assert.equal(called[1]!.split('+').length, 11)
  })

  test('what comes while the lane stands in line for a slot is collected too', async () => {
    const { submit, say, finish, active, clock, called } = await busy({ maxConcurrentRuns: 1 })
    const first = await say('1', { mode: 'collect' })
    const blocker = submit('y', 'blocker')
    await finish(active)
    await clock.advance(POLICY.debounceMs)
    await say('2', { mode: 'collect' })
    await finish(blocker)
    assert.deepEqual(called, ['active', 'blocker', '1+2'])
    await finish(first)
  })

  test('a stop ends every message of the turn', async () => {
    const { say, finish, active, clock, lanes } = await busy()
    const jobs = [await say('1', { mode: 'collect' }), await say('2', { mode: 'collect' })]
    await finish(active)
    await clock.advance(POLICY.debounceMs)
    await lanes.cancel('x').freed
    await settle()
    for (const { outcomes } of jobs) assert.deepEqual(outcomes, ['cancelled'])
  })
})

test.describe('steer', () => {
  test('the running turn takes it, once and in order, and its sender gets the result of that run (#48003, #84778)', async () => {
    const { say, finish, active, called, lanes } = await busy()
    const [one, two] = [await say('1', { mode: 'steer' }), await say('2', { mode: 'steer' })]
    assert.deepEqual([one.ticket!.position, two.ticket!.position], [0, 0])
    assert.equal(lanes.snapshot('x').depth, 2)
    const taken = active.turn!.takeSteered()
    assert.equal(lanes.snapshot('x').depth, 0)
    assert.deepEqual(await active.turn!.takeSteered(), [])
    assert.equal(ids(await taken), '1 2')
    await finish(active)
    assert.deepEqual([active.outcomes, one.outcomes, two.outcomes], [['done'], ['steered done'], ['steered done']])
    assert.deepEqual(called, ['active'])
  })

  test('what the run has not taken when it ends is answered by a turn of its own, which says so (#125035, #100796, #124731)', async () => {
    const { say, finish, active, called } = await busy()
    const taken = await say('taken', { mode: 'steer' })
    await active.turn!.takeSteered()
    const untaken = await say('untaken', { mode: 'steer' })
    await finish(active)
    assert.deepEqual(called, ['active', 'untaken'])
    await finish(untaken)
    assert.deepEqual([taken.outcomes, untaken.outcomes], [['steered done'], ['done (followup)']])
  })

  test('untaken it is where it always was: after what waited before it, and before what came later (#119794)', async () => {
    const { say, finish, active, called } = await busy()
    const jobs = [await say('1'), await say('2', { mode: 'steer' }), await say('3')]
    await finish(active)
    // Not offered to the next turn either, where it would overtake nothing but confuse everybody; and not overtaken by a later one.
    assert.deepEqual(await jobs[0]!.turn!.takeSteered(), [])
    await say('4', { mode: 'steer' })
    assert.deepEqual(await jobs[0]!.turn!.takeSteered(), [])
    for (const job of jobs) await finish(job)
    assert.deepEqual(called, ['active', '1', '2', '3', '4'])
  })

  test('a followup that waits does not keep it from the running turn (#148731)', async () => {
    const { say, active } = await busy()
    await say('waits')
    await say('now', { mode: 'steer' })
    assert.equal(ids(await active.turn!.takeSteered()), 'now')
  })

  test('a turn that is being stopped, or is over, takes nothing any more', async () => {
    const { say, active, clock, lanes, called } = await busy({}, { onAbort: 'ignores' })
    await say('before', { mode: 'steer' })
    await clock.advance(RUN_TIMEOUT)
    assert.equal(lanes.snapshot('x').state, 'stopping')
    const late = await say('late', { mode: 'steer' })
    assert.deepEqual(await active.turn!.takeSteered(), [])
    await clock.advance(ABANDON_AFTER)
    assert.deepEqual(await active.turn!.takeSteered(), [])
    assert.deepEqual(called, ['active', 'before'])
    assert.deepEqual(late.outcomes, [])
  })

  for (const mode of ['steer', 'steer_backlog'] as const) {
    test(`a run has the rights of its owner: ${mode} of another one is not told to it, and becomes a turn of its own`, async () => {
      const { say, finish, active, called } = await busy()
      const [other, mine] = [await say('other', { mode, owner: 'bob' }), await say('mine', { mode: 'steer' })]
      assert.equal(other.ticket!.position, 1)
      assert.equal(ids(await active.turn!.takeSteered()), 'mine')
      await finish(active)
      await finish(other)
      assert.deepEqual(called, ['active', 'other'])
      assert.deepEqual([mine.outcomes, other.outcomes], [['steered done'], ['done (followup)']])
    })
  }

  test('it fails as the run does that took it', async () => {
    const { say, active } = await busy()
    const job = await say('1', { mode: 'steer' })
    await active.turn!.takeSteered()
    active.fail()
    await settle()
    assert.deepEqual([active.outcomes, job.outcomes], [['failed'], ['failed']])
  })

  test('a message in the middle of a run does not harm the run (#121831)', async () => {
    const { say, finish, active } = await busy()
    for (const mode of ['collect', 'followup', 'steer', 'steer_backlog'] as const) await say(mode, { mode })
    assert.equal(active.turn!.signal.aborted, false)
    await finish(active)
    assert.deepEqual(active.outcomes, ['done'])
  })
})

test.describe('steer_backlog', () => {
  test('the running turn takes it, and then it has a turn of its own, flagged; its outcome is that of the second', async () => {
    const { say, finish, active, called } = await busy()
    const job = await say('1', { mode: 'steer_backlog' })
    assert.equal(ids(await active.turn!.takeSteered()), '1')
    assert.deepEqual(await active.turn!.takeSteered(), [])
    assert.equal(active.turn!.backlog, false)
    await finish(active)
    assert.deepEqual(job.outcomes, [])
    assert.deepEqual(called, ['active', '1'])
    assert.equal(job.turn!.backlog, true)
    await finish(job)
    assert.deepEqual(job.outcomes, ['done again'])
  })

  test('that no turn took has one turn only, without the flag', async () => {
    const { say, finish, active, called } = await busy()
    const job = await say('1', { mode: 'steer_backlog' })
    await finish(active)
    assert.equal(job.turn!.backlog, false)
    await finish(job)
    assert.deepEqual([called, job.outcomes], [['active', '1'], ['done (followup)']])
  })
})

test.describe('interrupt', () => {
  test('what waits is superseded, the run is stopped, and the newest message is next, once the run has ended (#19426, #50145)', async () => {
    const preempted: string[] = []
    const options: RigOptions = { preempted: (id, turn, by) => preempted.push(`${id}: ${ids(turn)} by ${by.id}`) }
    const { say, active, called, clock } = await busy(options, { onAbort: 'ignores' })
    const waiting = [await say('1'), await say('2', { mode: 'steer', owner: 'bob' })]
    const newest = await say('newest', { mode: 'interrupt' })
    assert.deepEqual(preempted, ['x: active by newest'])
    for (const { outcomes, error } of waiting) {
      assert.deepEqual(outcomes, ['superseded'])
      assert.equal((error as LaneError).laneId, 'x')
    }
    assert.equal(active.turn!.signal.aborted, true)
    await clock.advance(ABANDON_AFTER - 1)
    assert.deepEqual(called, ['active'])
    active.finish()
    await settle()
    assert.deepEqual(called, ['active', 'newest'])
    assert.deepEqual([active.outcomes, newest.outcomes], [['cancelled'], []])
    assert.equal(active.turn!.live, false)
  })

  test('several in a row: the run is stopped once, and the last one runs', async () => {
    const preempted: string[] = []
    const options: RigOptions = { preempted: (_id, _turn, by) => preempted.push(by.id) }
    const { say, active, called, clock } = await busy(options, { onAbort: 'ignores' })
    const jobs = [
      await say('1', { mode: 'interrupt' }),
      await say('2', { mode: 'interrupt' }),
      await say('3', { mode: 'interrupt' })
    ]
    await clock.advance(ABANDON_AFTER)
    assert.deepEqual(called, ['active', '3'])
    assert.deepEqual(
      [active.outcomes, ...jobs.map(({ outcomes }) => outcomes)],
      [['cancelled'], ['superseded'], ['superseded'], []]
    )
    assert.deepEqual(preempted, ['1'])
  })

  test('is never too much for a lane: it makes room itself', async () => {
    const { say } = await busy()
    await say('1', { cap: 1 })
    const newest = await say('2', { cap: 1, mode: 'interrupt', overflow: 'drop_new' })
    assert.equal(newest.calls, 1)
  })
})

test.describe('overflow', () => {
  test('drop_old rejects the oldest that waits, drop_new the newcomer; each is told all there is to know (#16771)', async () => {
    const { say, active } = await busy()
    const policy = { cap: 2, mode: 'followup' } as const
    const [old, kept] = [await say('1', policy), await say('2', policy)]
    const newcomer = await say('3', { ...policy, overflow: 'drop_old' })
    const refused = await say('4', { ...policy, overflow: 'drop_new' })
    assert.deepEqual(
      [active, old, kept, newcomer, refused].map(({ outcomes }) => outcomes.join()),
      ['', 'overflow', '', '', 'overflow']
    )
    const [first, second] = [old.error, refused.error] as LaneError[]
    assert.deepEqual(
      [first, second].map((error) => [error!.laneId, error!.mode, error!.overflow, error!.droppedCount]),
      [
        ['x', 'followup', 'drop_old', 1],
        ['x', 'followup', 'drop_new', 2]
      ]
    )
  })

  test('the next turn is told what was dropped, where the policy asks for it; and only the next (no summary turn: drain.ts@0244b9d)', async () => {
    const { say, finish, active } = await busy()
    const next = await say('1', { cap: 1 })
    await say('2', { cap: 1, overflow: 'drop_new' })
    await say('3', { cap: 1, overflow: 'drop_new', summarizeOverflow: false })
    await finish(active)
    assert.equal(ids(next.turn!.dropped), '2')
    const last = await say('4')
    await finish(next)
    assert.equal(ids(last.turn!.dropped), '')
  })

  test('of many dropped ones the newest twenty are told', async () => {
    const { say, finish, active } = await busy()
    for (let index = 0; index <= MAX_DROPPED_PASSED + 5; index++) await say(`${index}`, { cap: 1 })
    const last = await say('last', { cap: 1 })
    await finish(active)
    assert.equal(last.turn!.dropped.length, MAX_DROPPED_PASSED)
    assert.equal(last.turn!.dropped.at(-1)!.id, `${MAX_DROPPED_PASSED + 5}`)
  })

  test('a change of policy in a full lane is no loop (#119312, #119331): each message is dropped once, and the lane drains', async () => {
    const { say, finish, active, called, lanes } = await busy()
    const jobs = []
    for (let index = 0; index < 6; index++) jobs.push(await say(`${index}`, { cap: 6 }))
    jobs.push(await say('small', { cap: 2 }), await say('none', { cap: 2, overflow: 'drop_new' }), await say('wide', { cap: 9 }))
    await finish(active)
    for (const job of jobs) await finish(job)
    assert.deepEqual(called, ['active', '5', 'small', 'wide'])
    assert.equal(lanes.size, 0)
    for (const { outcomes } of jobs) assert.equal(outcomes.length, 1)
  })
})

test.describe('pause', () => {
  test('gives the slot to others, and goes on when it has one again, in its turn', async () => {
    const { submit, active, called } = await busy({ maxConcurrentRuns: 1 })
    const wait = Promise.withResolvers<string>()
    const answer = active.turn!.pause(() => wait.promise)
    const other = submit('y', 'other')
    submit('z', 'earlier in line')
    await settle()
    assert.deepEqual(called, ['active', 'other'])
    let answered: string | undefined
    answer.then((value) => {
      answered = value
    })
    wait.resolve('yes')
    await settle()
    other.finish()
    await settle()
    assert.deepEqual([called.at(-1), answered], ['earlier in line', undefined])
  })

  test('answers what was waited for, or fails as it did', async () => {
    const { active } = await busy()
    assert.equal(await active.turn!.pause(() => 'yes'), 'yes')
    await assert.rejects(
      active.turn!.pause(() => {
        throw new Error('no')
      }),
      /no/
    )
  })

  test('the run timeout stands still meanwhile, and goes on with what was left', async () => {
    const { active, clock } = await busy()
    await clock.advance(RUN_TIMEOUT - 10)
    const wait = Promise.withResolvers<void>()
    const paused = active.turn!.pause(() => wait.promise)
    await clock.advance(10 * RUN_TIMEOUT)
    wait.resolve()
    await paused
    await clock.advance(9)
    assert.deepEqual(active.outcomes, [])
    await clock.advance(1)
    assert.deepEqual(active.outcomes, ['timeout'])
  })

  test('overlapping ones end together', async () => {
    const { active, lanes } = await busy()
    const [one, two] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const done: string[] = []
    active.turn!.pause(() => one.promise).then(() => done.push('one'))
    active.turn!.pause(() => two.promise).then(() => done.push('two'))
    one.resolve()
    await settle()
    assert.deepEqual([done, lanes.snapshot('x').state], [[], 'paused'])
    two.resolve()
    await settle()
    assert.deepEqual([done.toSorted(), lanes.snapshot('x').state], [['one', 'two'], 'running'])
  })

  for (const when of ['resuming', 'running'] as const) {
    test(`a branch that pauses while another is about to go on (${when}) keeps it waiting, and both go on in the end`, async () => {
      const { submit, active, lanes } = await busy({ maxConcurrentRuns: 1 })
      const [one, two] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const done: string[] = []
      active.turn!.pause(() => one.promise).then(() => done.push('one'))
      const other = submit('y', 'other')
      await settle()
      one.resolve()
      await settle()
      if (when === 'running') other.finish()
      // At the very moment it has the slot again, before the first branch knows.
      while (lanes.snapshot('x').state !== when) await undefined
      active.turn!.pause(() => two.promise).then(() => done.push('two'))
      other.finish()
      await settle()
      assert.deepEqual([done, lanes.snapshot('x').state], [[], 'paused'])
      two.resolve()
      await settle()
      assert.deepEqual([done.toSorted(), lanes.snapshot('x').state], [['one', 'two'], 'running'])
    })
  }

  test('a stop ends it, whatever it waits for; and a turn that is over cannot pause', async () => {
    const { active, lanes, clock } = await busy({}, { onAbort: 'ignores' })
    const rejected = assert.rejects(
      active.turn!.pause(() => new Promise(() => {})),
      { name: 'AbortError' }
    )
    lanes.cancel('x')
    await rejected
    const tooLate = () =>
      assert.rejects(
        active.turn!.pause(() => assert.fail('called')),
        { name: 'AbortError' }
      )
    await tooLate()
    await clock.advance(ABANDON_AFTER)
    await tooLate()
    assert.equal(lanes.size, 0)
  })
})

test.describe('what waits', () => {
  test("people's messages go before those of machines, in the lane's list and in its turns", async () => {
    const { say, finish, active, called, clock, lanes } = await busy()
    const system = await say('hook', { priority: 'system' })
    await clock.advance(5)
    const person = await say('hello')
    await clock.advance(2)
    assert.equal(lanes.snapshot('x').oldestAgeMs, 7)
    assert.equal(ids(lanes.queued('x')), 'hello hook')
    assert.deepEqual([system.ticket!.position, person.ticket!.position], [1, 1])
    await finish(active)
    await finish(person)
    assert.deepEqual(called, ['active', 'hello', 'hook'])
  })

  test("people's lanes go before those of machines in the line for a slot, which are not forgotten all the same (#54488)", async () => {
    const { submit, finish, active, called } = await busy({ maxConcurrentRuns: 1 })
    for (const id of ['h1', 'h2', 'h3']) submit(id, id, { priority: 'system' }).finish()
    const people = Array.from({ length: PEOPLE_AHEAD + 1 }, (_, index) => `p${index}`)
    for (const id of people) submit(id, id).finish()
    // A person speaks where a machine waits.
    submit('h3', 'p in h3').finish()
    await settle()
    await finish(active)
    const ahead = people.slice(0, PEOPLE_AHEAD)
    assert.deepEqual(called, ['active', ...ahead, 'h1', people.at(-1), 'p in h3', 'h2', 'h3'])
  })

  test('one message can be cancelled, by its owner where one is given; what runs is not waiting', async () => {
    const { say, active, lanes } = await busy()
    const job = await say('1')
    assert.equal(lanes.cancelMessage('x', '1', { owner: 'bob' }), false)
    assert.equal(lanes.cancelMessage('x', 'active'), false)
    assert.equal(lanes.cancelMessage('nowhere', '1'), false)
    assert.equal(lanes.cancelMessage('x', '1', { owner: 'ann' }), true)
    assert.equal(lanes.cancelMessage('x', '1'), false)
    await settle()
    assert.deepEqual([active.outcomes, job.outcomes], [[], ['cancelled']])
  })
})
