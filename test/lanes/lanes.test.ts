/**
 * What one lane promises. Numbers with a # are defects that other gateways shipped in such queues; the test named after one
 * would fail if it came back here.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import { LaneError } from '../../lanes/errors.ts'
import type { Ticket, Turn } from '../../lanes/lane.ts'
import { MAX_QUEUED, MAX_QUEUED_TOTAL } from '../../lanes/policy.ts'
import { ABANDON_AFTER, RUN_TIMEOUT, rig, settle } from './rig.ts'

test('items of one lane run one at a time, in the order in which they came', async () => {
  const { submit, called } = rig()
  const jobs = [submit('x', '1'), submit('x', '2'), submit('x', '3')]
  for (const [index, job] of jobs.entries()) {
    await settle()
    assert.deepEqual(called, ['1', '2', '3'].slice(0, index + 1))
    job.finish()
  }
  await settle()
  assert.deepEqual(
    jobs.map(({ outcomes }) => outcomes),
    [['done'], ['done'], ['done']]
  )
})

test('a run is never called before enqueue has returned its ticket', async () => {
  const { lanes } = rig()
  const ticket: Ticket<number> = lanes.enqueue('x', { owner: 'ann', run: () => ticket.id })
  assert.equal(await ticket.settled, ticket.id)
})

test('work may be an object whose run needs its this', async () => {
  const { lanes } = rig()
  class Greeting {
    readonly owner = 'ann'
    readonly text = 'hello'
    run(): string {
      return this.text
    }
  }
  assert.equal(await lanes.enqueue('x', new Greeting()).settled, 'hello')
})

test('the position counts the active run too (#82791: "queueAhead = 0" hid the blocker)', () => {
  const { submit } = rig({ maxConcurrentRuns: 1 })
  assert.deepEqual(
    [submit('x', '1'), submit('x', '2'), submit('x', '3')].map(({ ticket }) => ticket.position),
    [0, 1, 2]
  )
  // Nothing of its own lane is before it; that another lane has the slot is no place in this queue.
  assert.deepEqual(
    [submit('y', '4'), submit('y', '5')].map(({ ticket }) => ticket.position),
    [0, 1]
  )
})

test('tickets and turns have ids of their own, and the epoch rises with every turn, over a lane that was dropped too', async () => {
  const { submit } = rig()
  const jobs = ['1', '2', '3'].map((name) => submit('x', name))
  assert.equal(new Set(jobs.map(({ ticket }) => ticket.id)).size, 3)
  for (const job of jobs) {
    await settle()
    job.finish()
  }
  await settle()
  const later = submit('x', '4')
  await settle()
  const epochs = [...jobs, later].map(({ turn }) => turn!.epoch)
  assert.deepEqual(
    epochs,
    epochs.toSorted((one, other) => one - other)
  )
  assert.equal(new Set(epochs).size, 4)
})

test('what comes and goes in the queue during a run leaves the run alone, and its end removes nothing else (#121831, #91450)', async () => {
  const { submit, lanes, called } = rig()
  const active = submit('x', '1')
  await settle()
  const gone = submit('x', '2', { owner: 'bob' })
  const next = submit('x', '3')
  lanes.cancel('x', { owner: 'bob' })
  const last = submit('x', '4')
  for (const job of [active, next, last]) {
    assert.equal(job.turn!.signal.aborted, false)
    job.finish()
    await settle()
  }
  assert.deepEqual(called, ['1', '3', '4'])
  assert.deepEqual(
    [active, gone, next, last].map(({ outcomes }) => outcomes),
    [['done'], ['cancelled'], ['done'], ['done']]
  )
})

test('an item that comes at the very moment a lane runs empty is run (#31902)', async () => {
  const { submit, lanes, called } = rig()
  const first = submit('x', 'first')
  for (const delay of [0, 1, 2, 3, 4, 5, 6]) {
    let ticks = first.ticket.settled.then(() => {})
    for (let tick = 0; tick < delay; tick++) ticks = ticks.then(() => {})
    ticks.then(() => submit('x', `${delay} microtasks later`).finish())
  }
  await settle()
  first.finish()
  await settle()
  assert.equal(called.length, 8)
  assert.equal(lanes.size, 0)
})

test('a lane holds a bounded number of items; one more is refused to the sender, and none that was accepted suffers (#112317)', async () => {
  const { submit, lanes, called } = rig()
  const active = submit('x', 'active')
  const queued = Array.from({ length: MAX_QUEUED }, (_, index) => submit('x', `${index}`))
  assert.throws(() => submit('x', 'too much'), { name: 'LaneError', code: 'full', laneId: 'x' })
  assert.equal(lanes.snapshot('x').queued, MAX_QUEUED)
  for (const job of [active, ...queued]) job.finish()
  await settle()
  assert.equal(called.length, MAX_QUEUED + 1)
  // The active item is never the victim (#103246).
  assert.deepEqual(active.outcomes, ['done'])
})

test('all lanes together hold a bounded number of items, and room comes back as they run or are cancelled', async () => {
  const { lanes } = rig({ maxConcurrentRuns: 1 })
  const work = { owner: 'alice', run: () => new Promise<void>(() => {}) }
  const lane = (index: number): string => `x${index % 20}`
  lanes.enqueue('busy', work)
  for (let index = 0; index < MAX_QUEUED_TOTAL; index++) lanes.enqueue(lane(index), work)
  assert.throws(() => lanes.enqueue('new', work), { name: 'LaneError', code: 'full' })
  assert.equal(lanes.has('new'), false)
  lanes.cancel(lane(0))
  for (let index = 0; index < MAX_QUEUED_TOTAL / 20; index++) lanes.enqueue('new', work)
  assert.throws(() => lanes.enqueue('new', work), { name: 'LaneError', code: 'full' })
})

test('lanes that have nothing to do are forgotten (#5264: the map was never pruned)', async () => {
  const { submit, lanes, clock } = rig()
  for (let index = 0; index < 100; index++) submit(`lane ${index}`, `${index}`).finish()
  assert.equal(lanes.size, 100)
  assert.equal(lanes.ids().length, 100)
  await settle()
  assert.equal(lanes.size, 0)
  assert.deepEqual(lanes.ids(), [])
  assert.equal(lanes.has('lane 1'), false)
  assert.equal(clock.pending, 0)
})

test('a snapshot says what a lane does and since when; an unknown lane is an idle one', async () => {
  const { submit, lanes, clock } = rig()
  assert.deepEqual(lanes.snapshot('x'), { state: 'idle', queued: 0, runningSince: undefined })
  await clock.advance(7)
  submit('x', '1')
  submit('x', '2')
  assert.deepEqual(lanes.snapshot('x'), { state: 'running', queued: 1, runningSince: 7 })
})

test.describe('the global cap', () => {
  test('never more runs at once than slots; what waits for one is queued, not running', async () => {
    const { submit, lanes, called } = rig({ maxConcurrentRuns: 2 })
    const jobs = ['a', 'b', 'c', 'd'].map((id) => submit(id, id))
    await settle()
    assert.deepEqual(called, ['a', 'b'])
    assert.deepEqual(lanes.snapshot('c'), { state: 'ready', queued: 1, runningSince: undefined })
    jobs[1]!.finish()
    await settle()
    assert.deepEqual(called, ['a', 'b', 'c'])
  })

  test('a lane with a thousand items does not starve the others: one turn a lane at a time (#54488, #14282)', async () => {
    const { submit, called } = rig({ maxConcurrentRuns: 1 })
    for (let index = 0; index < MAX_QUEUED; index++) submit('flood', `flood ${index}`).finish()
    for (const id of ['a', 'b', 'c']) for (const part of [1, 2]) submit(id, `${id}${part}`).finish()
    await settle()
    assert.deepEqual(called.slice(0, 9), ['flood 0', 'a1', 'b1', 'c1', 'flood 1', 'a2', 'b2', 'c2', 'flood 2'])
    assert.equal(called.length, MAX_QUEUED + 6)
  })

  test('a lane whose only item was cancelled leaves the line and keeps nobody waiting', async () => {
    const { submit, lanes, called } = rig({ maxConcurrentRuns: 1 })
    const active = submit('a', 'a')
    submit('b', 'b')
    submit('c', 'c')
    assert.equal(lanes.cancel('b').queued, 1)
    submit('b', 'b again')
    await settle()
    active.finish()
    await settle()
    assert.deepEqual(called, ['a', 'c'])
  })

  test('an abandoned run gives its slot back', async () => {
    const { submit, lanes, clock, called } = rig({ maxConcurrentRuns: 1 })
    submit('a', 'a', { onAbort: 'ignores' })
    submit('b', 'b')
    await settle()
    lanes.cancel('a')
    await clock.advance(ABANDON_AFTER)
    assert.deepEqual(called, ['a', 'b'])
  })
})

test.describe('cancel', () => {
  test('rejects what is queued and aborts what is active; both end as cancelled', async () => {
    const { submit, lanes } = rig()
    const active = submit('x', 'active')
    const queued = submit('x', 'queued')
    await settle()
    const { freed, ...rest } = lanes.cancel('x')
    assert.deepEqual(rest, { queued: 1, running: true })
    await freed
    await settle()
    assert.deepEqual(active.outcomes, ['cancelled'])
    assert.deepEqual(queued.outcomes, ['cancelled'])
    assert.equal(queued.calls, 0)
    assert.equal(lanes.size, 0)
  })

  test('the queue is rejected before the run is aborted: no queued item starts after it (#120856)', async () => {
    const { submit, lanes } = rig()
    const states: unknown[] = []
    const active = submit('x', 'active')
    submit('x', 'queued')
    await settle()
    active.turn!.signal.addEventListener('abort', () => states.push(lanes.snapshot('x')))
    lanes.cancel('x')
    assert.deepEqual(states, [{ state: 'stopping', queued: 0, runningSince: 0 }])
  })

  test('limited to an owner it leaves the items of others, queued and active, where they are', async () => {
    const { submit, lanes, called } = rig()
    const active = submit('x', '1', { owner: 'ann' })
    const mine = submit('x', '2', { owner: 'bob' })
    const hers = submit('x', '3', { owner: 'ann' })
    await settle()
    const { freed, ...rest } = lanes.cancel('x', { owner: 'bob' })
    assert.deepEqual(rest, { queued: 1, running: false })
    await freed
    assert.deepEqual(mine.outcomes, ['cancelled'])
    assert.equal(active.turn!.signal.aborted, false)
    active.finish()
    await settle()
    assert.deepEqual(called, ['1', '3'])
    hers.finish()
  })

  test('of a lane that does nothing does nothing', async () => {
    const { freed, ...rest } = rig().lanes.cancel('x')
    assert.deepEqual(rest, { queued: 0, running: false })
    await freed
  })

  test('twice is once: the second answer is that the run is being stopped', async () => {
    const { submit, lanes, clock } = rig()
    const active = submit('x', 'active', { onAbort: 'ignores' })
    await settle()
    lanes.cancel('x')
    await clock.advance(ABANDON_AFTER - 1)
    const { freed, ...rest } = lanes.cancel('x')
    assert.deepEqual(rest, { queued: 0, running: true })
    // The deadline of the first one stands.
    await clock.advance(1)
    await freed
    assert.deepEqual(active.outcomes, ['cancelled'])
  })

  test('of a run that was not called yet keeps it from being called', async () => {
    const { submit, lanes } = rig()
    const job = submit('x', 'job')
    const { running, freed } = lanes.cancel('x')
    await freed
    await settle()
    assert.equal(running, true)
    assert.equal(job.calls, 0)
    assert.deepEqual(job.outcomes, ['cancelled'])
  })

  test('looks at each queued item once (#148754: a big backlog took quadratic time)', () => {
    const { lanes, submit } = rig()
    submit('x', 'active')
    let looks = 0
    const work = {
      get owner() {
        looks++
        return 'bob'
      },
      run() {}
    }
    for (let index = 0; index < MAX_QUEUED; index++) lanes.enqueue('x', work)
    assert.equal(lanes.cancel('x', { owner: 'bob' }).queued, MAX_QUEUED)
    assert.ok(looks <= MAX_QUEUED, `${looks} looks at ${MAX_QUEUED} items`)
  })

  test('aborts with a DOMException AbortError, because some SDKs take any other reason for a failure', async () => {
    const { submit, lanes, clock } = rig()
    const [cancelled, late] = [submit('x', 'cancelled'), submit('y', 'late')]
    await settle()
    lanes.cancel('x')
    await clock.advance(RUN_TIMEOUT)
    for (const { turn } of [cancelled, late]) {
      assert.ok(turn!.signal.reason instanceof DOMException)
      assert.equal(turn!.signal.reason.name, 'AbortError')
    }
  })

  test('decides the outcome, even of a run that returns all the same or throws something else', async () => {
    const { submit, lanes } = rig()
    const returns = submit('x', 'returns', { onAbort: 'returns' })
    const throws = submit('y', 'throws', { onAbort: 'ignores' })
    await settle()
    lanes.cancel('x')
    lanes.cancel('y')
    throws.fail()
    await settle()
    assert.deepEqual([returns.outcomes, throws.outcomes], [['cancelled'], ['cancelled']])
    assert.equal(((throws.error as LaneError).cause as Error).message, 'failed')
    assert.equal((throws.error as LaneError).abandoned, false)
  })

  test('by the run itself, or by a listener of its signal, works like any other', async () => {
    const { submit, lanes } = rig()
    const self = submit('x', 'self', { first: () => lanes.cancel('x') })
    const again = submit('y', 'again', { first: (turn) => turn.signal.addEventListener('abort', () => lanes.cancel('y')) })
    await settle()
    lanes.cancel('y')
    await settle()
    assert.deepEqual([self.outcomes, again.outcomes], [['cancelled'], ['cancelled']])
    assert.equal(lanes.size, 0)
  })

  test('by a run that then waits to be freed ends with the abandon deadline, not never', async () => {
    const { lanes, clock } = rig()
    const { settled } = lanes.enqueue('x', { owner: 'ann', run: () => lanes.cancel('x').freed })
    const rejected = assert.rejects(settled, { code: 'cancelled', abandoned: true })
    await settle()
    await clock.advance(ABANDON_AFTER)
    await rejected
    assert.equal(lanes.size, 0)
  })

  test('a listener of the signal may enqueue: it is the next turn', async () => {
    const { submit, lanes, called } = rig()
    submit('x', '1', { first: (turn) => turn.signal.addEventListener('abort', () => submit('x', '2')) })
    await settle()
    lanes.cancel('x')
    await settle()
    assert.deepEqual(called, ['1', '2'])
  })
})

test.describe('deadlines', () => {
  test('a run that takes too long is aborted, ends as timeout, and the queue goes on (#48488, #5951, #67173)', async () => {
    const { submit, clock, called } = rig()
    const slow = submit('x', 'slow')
    submit('x', 'next')
    await clock.advance(RUN_TIMEOUT - 1)
    assert.deepEqual(slow.outcomes, [])
    await clock.advance(1)
    assert.deepEqual(slow.outcomes, ['timeout'])
    assert.deepEqual(called, ['slow', 'next'])
  })

  test('waiting does not count: neither in the queue nor for a slot (#114058, #133245)', async () => {
    const { submit, clock, called } = rig({ maxConcurrentRuns: 1 })
    for (const name of ['1', '2', '3']) submit('x', name)
    const patient = submit('y', 'patient')
    await clock.advance(RUN_TIMEOUT * 1.5)
    assert.deepEqual(called, ['1', 'patient'])
    await clock.advance(RUN_TIMEOUT * 0.25)
    patient.finish()
    await settle()
    assert.deepEqual(patient.outcomes, ['done'])
  })

  test('a run that ignores its signal is abandoned: its lane goes on, and everything queued is still there (#130810)', async () => {
    const { submit, clock, called, lanes } = rig()
    const stuck = submit('x', 'stuck', { onAbort: 'ignores' })
    const rest = ['1', '2'].map((name) => submit('x', name))
    await clock.advance(RUN_TIMEOUT)
    assert.deepEqual(stuck.outcomes, [])
    assert.equal(stuck.turn!.live, true)
    await clock.advance(ABANDON_AFTER)
    assert.deepEqual(stuck.outcomes, ['timeout'])
    assert.equal((stuck.error as LaneError).abandoned, true)
    assert.equal(stuck.turn!.live, false)
    for (const job of rest) job.finish()
    await settle()
    assert.deepEqual(called, ['stuck', '1', '2'])
    assert.equal(lanes.size, 0)
  })

  // The late end must pass neither for the end of another turn of its lane, nor of a lane of the same name made since.
  for (const end of ['finish', 'fail'] as const) {
    for (const nextIs of ['queued behind it', 'sent later'] as const) {
      test(`an abandoned run that comes to its end later (${end}) does not touch the next turn (${nextIs})`, async () => {
        const { submit, lanes, clock } = rig()
        const stuck = submit('x', 'stuck', { onAbort: 'ignores' })
        const queued = nextIs === 'queued behind it' ? submit('x', 'next') : undefined
        await clock.advance(RUN_TIMEOUT + ABANDON_AFTER)
        const next = queued ?? submit('x', 'next')
        await settle()
        stuck[end]()
        await settle()
        assert.deepEqual(stuck.outcomes, ['timeout'])
        assert.deepEqual(next.outcomes, [])
        assert.equal(next.turn!.live, true)
        assert.equal(lanes.snapshot('x').state, 'running')
        next.finish()
        await settle()
        assert.deepEqual(next.outcomes, ['done'])
      })
    }
  }

  test('a run that is being stopped cannot be stopped for another reason: the first one is told', async () => {
    const { submit, lanes, clock } = rig()
    const job = submit('x', 'job', { onAbort: 'ignores' })
    await clock.advance(RUN_TIMEOUT)
    lanes.cancel('x')
    await clock.advance(ABANDON_AFTER)
    assert.deepEqual(job.outcomes, ['timeout'])
  })

  test('no timer is left behind by a run that ended in time', async () => {
    const { submit, lanes, clock } = rig()
    submit('x', '1').finish()
    await settle()
    submit('x', '2')
    await settle()
    lanes.cancel('x')
    await settle()
    assert.equal(clock.pending, 0)
  })
})

test.describe('whatever a run does, its lane is freed', () => {
  const thenable = (then: (resolve: (value: string) => void, reject: (error: Error) => void) => void) => ({ then })
  const cases: [string, (turn: Turn) => unknown, string][] = [
    ['returns a plain value', () => 'value', 'value'],
    ['returns a promise', async () => 'value', 'value'],
    [
      'throws before it returns anything',
      () => {
        throw new Error('boom')
      },
      'boom'
    ],
    ['rejects', () => Promise.reject(new Error('boom')), 'boom'],
    [
      'settles twice',
      () =>
        thenable((resolve, reject) => {
          resolve('value')
          reject(new Error('boom'))
          resolve('again')
        }),
      'value'
    ],
    [
      'returns something whose then throws',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: this is what must not harm the lane
        get then() {
          throw new Error('boom')
        }
      }),
      'boom'
    ],
    ['never settles', () => new Promise(() => {}), 'timeout'],
    ['never settles and is deaf', () => thenable(() => {}), 'timeout']
  ]
  for (const [what, run, outcome] of cases) {
    test(`a run that ${what}`, async () => {
      const { lanes, clock, submit } = rig()
      const { settled } = lanes.enqueue('x', { owner: 'ann', run })
      const told = settled.catch((error) => (error instanceof LaneError ? error.code : error.message))
      const next = submit('x', 'next')
      await clock.advance(RUN_TIMEOUT + ABANDON_AFTER)
      assert.equal(await told, outcome)
      assert.equal(next.calls, 1)
      next.finish()
      await settle()
      assert.equal(lanes.size, 0)
      assert.equal(clock.pending, 0)
    })
  }

  test('a run that enqueues into its own lane and returns: that is the next turn', async () => {
    const { submit, called } = rig()
    submit('x', '1', { first: () => submit('x', '2') }).finish()
    await settle()
    assert.deepEqual(called, ['1', '2'])
  })

  test('a run that waits for an item of its own lane waits until its timeout, and then that item runs', async () => {
    const { lanes, clock } = rig()
    const calls: string[] = []
    const inner = { owner: 'ann', run: () => calls.push('inner') }
    const outer = lanes.enqueue('x', { owner: 'ann', run: () => lanes.enqueue('x', inner).settled })
    const rejected = assert.rejects(outer.settled, { code: 'timeout' })
    await clock.advance(RUN_TIMEOUT + ABANDON_AFTER)
    await rejected
    assert.deepEqual(calls, ['inner'])
    assert.equal(lanes.size, 0)
  })
})

test('a ticket that nobody watches does not end the process', async (t) => {
  const unhandled: unknown[] = []
  const listener = (reason: unknown) => unhandled.push(reason)
  process.on('unhandledRejection', listener)
  t.after(() => process.off('unhandledRejection', listener))
  const { lanes, clock } = rig({ maxConcurrentRuns: 1 })
  const fail = { owner: 'ann', run: () => Promise.reject(new Error('boom')) }
  const hang = {
    owner: 'ann',
    run: () => new Promise((_, reject) => clock.after(RUN_TIMEOUT + 2 * ABANDON_AFTER, () => reject(new Error('late'))))
  }
  for (const work of [fail, hang, fail]) lanes.enqueue('x', work)
  lanes.enqueue('y', fail)
  lanes.cancel('y')
  await clock.advance(RUN_TIMEOUT + 3 * ABANDON_AFTER)
  assert.equal(lanes.size, 0)
  assert.deepEqual(unhandled, [])
})
