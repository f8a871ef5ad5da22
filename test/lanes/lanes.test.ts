/**
 * What one lane promises. Numbers with a # are defects that other gateways shipped in such queues; the test named after one
 * would fail if it came back here.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import { LaneError } from '../../lanes/errors.ts'
import { type Lanes, MAX_QUEUED_TOTAL } from '../../lanes/lanes.ts'
import { MemoryDriver } from '../../lanes/memory.ts'
import type { Turn } from '../../lanes/turn.ts'
import { ABANDON_AFTER, Job, message, POLICY, RUN_TIMEOUT, recovered, rig, settle, type Work } from './fixtures.ts'

/** How many may wait in a lane of these tests. */
const CAP = POLICY.cap

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

test('a run is never called before who awaits send has its ticket', async () => {
  const order: string[] = []
  const { settled } = await rig().send('x', () => order.push('run'))
  order.push('ticket')
  await settled
  assert.deepEqual(order, ['ticket', 'run'])
})

test('the position counts the active run too (#82791: "queueAhead = 0" hid the blocker)', async () => {
  const { submit } = rig({ maxConcurrentRuns: 1 })
  const [x, y] = ['x', 'y'].map((id) => [1, 2, 3].map((part) => submit(id, `${id}${part}`)))
  await settle()
  assert.deepEqual(
    x!.map(({ ticket }) => ticket!.position),
    [0, 1, 2]
  )
  // Nothing of its own lane is before it; that another lane has the slot is no place in this queue.
  assert.deepEqual(
    y!.map(({ ticket }) => ticket!.position),
    [0, 1, 2]
  )
})

test('the epoch rises with every turn, over a lane that was dropped too', async () => {
  const { submit } = rig()
  const jobs = ['1', '2', '3'].map((name) => submit('x', name))
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
  await settle()
  for (const delay of [0, 1, 2, 3, 4, 5, 6]) {
    let ticks = first.ticket!.settled.then(() => {})
    for (let tick = 0; tick < delay; tick++) ticks = ticks.then(() => {})
    ticks.then(() => submit('x', `${delay} microtasks later`).finish())
  }
  first.finish()
  await settle()
  assert.equal(called.length, 8)
  assert.equal(lanes.size, 0)
})

test('lanes that have nothing to do are forgotten (#5264, #114051, #6037: the map was never pruned)', async () => {
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

test('a snapshot says what a lane does, for whom and since when; an unknown lane is an idle one', async () => {
  const { submit, lanes, clock } = rig()
  assert.deepEqual(lanes.snapshot('x'), { state: 'idle', depth: 0, oldestAgeMs: undefined, running: undefined })
  await clock.advance(7)
  submit('x', '1', { owner: 'bob' })
  submit('x', '2')
  await clock.advance(5)
  const running = { id: '1', owner: 'bob', since: 7 }
  assert.deepEqual(lanes.snapshot('x'), { state: 'running', depth: 1, oldestAgeMs: 5, running })
})

test.describe('a message whose id is in the lane already, and has no end', () => {
  const echo = message<Work>({ run: () => assert.fail('run as well') }, { id: '1', owner: 'bob', mode: 'interrupt' })

  for (const where of ['on its way', 'waiting', 'running', 'steered', 'ended, and that is not stored yet'] as const) {
    test(`${where}, is that message: it has its ticket, and nothing else happens (#30604, #30688)`, async () => {
      const stored = Promise.withResolvers<void>()
      const driver = new MemoryDriver<Work, unknown>()
      const { submit, lanes, called } = rig({ driver })
      const active = where === 'waiting' || where === 'steered' ? submit('x', 'active') : undefined
      await settle()
      const job = submit('x', '1', { mode: 'steer' })
      if (where !== 'on its way') await settle()
      if (where === 'steered') active!.turn!.takeSteered()
      if (where.startsWith('ended')) {
        driver.settle = () => stored.promise
        job.finish()
        await settle()
        assert.deepEqual([job.outcomes, lanes.snapshot('x').state], [[], 'idle'])
      }
      driver.accept = () => assert.fail('accepted again')
      const again = lanes.send('x', echo)
      assert.equal(lanes.waiting, where === 'on its way' || where === 'waiting' ? 1 : 0)
      await settle()
      stored.resolve()
      active?.finish()
      await settle()
      job.finish()
      const { value } = await (await again).settled
      await settle()
      assert.deepEqual([value, job.outcomes.length, called.length, lanes.size], ['done', 1, where === 'waiting' ? 2 : 1, 0])
    })
  }

  test('that was restored twice, is one message', async () => {
    const { lanes, called } = rig()
    const found = recovered(message<Work>(new Job('1'), { id: '1' }))
    const [one, two, three] = [...lanes.restore('x', [found, found]), ...lanes.restore('x', [found])]
    assert.ok(two!.settled === one!.settled && three!.settled === one!.settled)
    await settle()
    assert.deepEqual([called, lanes.waiting], [['1'], 0])
  })
})

test('a message that was restored has a ticket like any other: it may be sent again, and a cancel waits for its end', async () => {
  const { lanes } = rig()
  const found = ['1', '2'].map((id) => recovered(message<Work>(new Job(id), { id })))
  const tickets = lanes.restore('x', found)
  assert.deepEqual(await Promise.all(found.map(({ message }) => lanes.send('x', message))), tickets)
  await lanes.cancel('x').freed
  await Promise.all(tickets.map(({ settled }) => assert.rejects(settled, { code: 'cancelled' })))
  assert.equal(lanes.size, 0)
})

test.describe('the bound over all lanes', () => {
  const work: Work = { run: () => new Promise(() => {}) }

  test('refuses what comes when too much waits anywhere, before the driver is asked, and takes messages again when less does', async () => {
    const driver = new MemoryDriver<Work, unknown>()
    const { lanes, submit } = rig({ driver, maxConcurrentRuns: 1 })
    submit('x', 'active')
    await settle()
    const half = MAX_QUEUED_TOTAL / 2
    for (let index = 0; index < half; index++) submit('x', `x${index}`, { cap: MAX_QUEUED_TOTAL })
    // Those that are being made durable count.
    for (let index = 0; index < half; index++) submit(`lane ${index}`, `y${index}`)
    assert.equal(lanes.waiting, MAX_QUEUED_TOTAL)
    driver.accept = () => assert.fail('the driver was asked')
    await assert.rejects(lanes.send('elsewhere', message(work)), { code: 'overflow', laneId: 'elsewhere', droppedCount: 1 })
    assert.equal(lanes.has('elsewhere'), false)
    await settle()
    assert.equal(lanes.waiting, MAX_QUEUED_TOTAL)
    await assert.rejects(lanes.send('x', message(work, { mode: 'interrupt' })), { code: 'overflow' })
    driver.accept = async () => {}
    lanes.cancelMessage('x', 'x7')
    const last = await lanes.send('elsewhere', message(work))
    assert.equal(last.position, 0)
    await assert.rejects(lanes.send('elsewhere', message(work)), { code: 'overflow' })
    lanes.close(0)
    await settle()
    assert.equal(lanes.waiting, 0)
  })

  test('refuses nothing that was accepted before a restart, but counts it', async () => {
    const { lanes } = rig({ maxConcurrentRuns: 1 })
    const found = Array.from({ length: MAX_QUEUED_TOTAL + 2 }, (_, index) => recovered(message(work, { id: `${index}` })))
    assert.equal(lanes.restore('x', found).length, MAX_QUEUED_TOTAL + 2)
    assert.equal(lanes.waiting, MAX_QUEUED_TOTAL + 1)
    await assert.rejects(lanes.send('y', message(work)), { code: 'overflow' })
  })
})

test.describe('the global cap', () => {
  test('never more runs at once than slots; what waits for one is queued, not running', async () => {
    const { submit, lanes, called } = rig({ maxConcurrentRuns: 2 })
    const jobs = ['a', 'b', 'c', 'd'].map((id) => submit(id, id))
    await settle()
    assert.deepEqual(called, ['a', 'b'])
    assert.deepEqual(lanes.snapshot('c'), { state: 'ready', depth: 1, oldestAgeMs: 0, running: undefined })
    jobs[1]!.finish()
    await settle()
    assert.deepEqual(called, ['a', 'b', 'c'])
  })

  test('a lane with a thousand items does not starve the others: one turn a lane at a time (#54488, #14282, #24749, #53076)', async () => {
    const { submit, called } = rig({ maxConcurrentRuns: 1 })
    for (let index = 0; index < CAP; index++) submit('flood', `flood ${index}`).finish()
    for (const id of ['a', 'b', 'c']) for (const part of [1, 2]) submit(id, `${id}${part}`).finish()
    await settle()
    assert.deepEqual(called.slice(0, 9), ['flood 0', 'a1', 'b1', 'c1', 'flood 1', 'a2', 'b2', 'c2', 'flood 2'])
    assert.equal(called.length, CAP + 6)
  })

  test('a lane whose only item was cancelled leaves the line and keeps nobody waiting', async () => {
    const { submit, lanes, called } = rig({ maxConcurrentRuns: 1 })
    const active = submit('a', 'a')
    submit('b', 'b')
    submit('c', 'c')
    await settle()
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
    const running = { id: 'active', owner: 'ann', since: 0 }
    assert.deepEqual(states, [{ state: 'stopping', depth: 0, oldestAgeMs: undefined, running }])
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
    // Taken in, and claimed in a moment.
    while (lanes.snapshot('x').state !== 'running') await undefined
    const { running, freed } = lanes.cancel('x')
    await freed
    await settle()
    assert.equal(running, true)
    assert.equal(job.calls, 0)
    assert.deepEqual(job.outcomes, ['cancelled'])
  })

  const ways = {
    cancel: (lanes: Lanes<Work, unknown>) => lanes.cancel('x', { owner: 'bob' }).queued,
    clear: (lanes: Lanes<Work, unknown>) => lanes.clear('x', { owner: 'bob' })
  }
  for (const [way, cancel] of Object.entries(ways))
    test(`looks at each queued message once (#148754: a big backlog took quadratic time): ${way}`, async () => {
      const { lanes, submit } = rig()
      submit('x', 'active')
      let looks = 0
      const work: Work = { run() {} }
      for (let index = 0; index < CAP; index++) {
        const queued = message(work)
        Object.defineProperty(queued, 'owner', {
          get() {
            looks++
            return 'bob'
          }
        })
        lanes.send('x', queued)
      }
      await settle()
      looks = 0
      assert.equal(cancel(lanes), CAP)
      assert.ok(looks <= CAP, `${looks} looks at ${CAP} messages`)
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
    const { lanes, clock, send } = rig()
    const { settled } = await send('x', () => lanes.cancel('x').freed)
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

test.describe('clear', () => {
  test('rejects what waits and what is on its way, as cancelled, and answers how many; what runs goes on', async () => {
    const { submit, lanes } = rig()
    const active = submit('x', 'active')
    const steered = submit('x', 'steered', { mode: 'steer' })
    const offered = submit('x', 'offered', { mode: 'steer_backlog' })
    await settle()
    await active.turn!.takeSteered()
    const arriving = submit('x', 'on its way')
    assert.equal(lanes.clear('x'), 2)
    assert.equal(lanes.clear('x'), 0)
    await settle()
    assert.deepEqual([offered.outcomes, arriving.outcomes], [['cancelled'], ['cancelled']])
    assert.equal(active.turn!.signal.aborted, false)
    active.finish()
    await settle()
    assert.deepEqual([active.outcomes, steered.outcomes], [['done'], ['steered done']])
    assert.deepEqual([lanes.size, lanes.waiting], [0, 0])
  })

  test('limited to an owner it leaves what others sent, and the order of it', async () => {
    const { submit, lanes } = rig()
    submit('x', 'active', { owner: 'bob' })
    for (const [name, owner] of Object.entries({ 1: 'ann', 2: 'bob', 3: 'ann' })) submit('x', name, { owner })
    await settle()
    assert.equal(lanes.clear('x', { owner: 'bob' }), 1)
    assert.deepEqual(
      lanes.queued('x').map(({ id }) => id),
      ['1', '3']
    )
    assert.equal(lanes.snapshot('x').state, 'running')
  })

  test('of a lane that stands in line for a slot, or does nothing, leaves nothing behind', async () => {
    const { submit, lanes } = rig({ maxConcurrentRuns: 1 })
    submit('x', 'active')
    submit('y', 'ready')
    await settle()
    assert.deepEqual([lanes.clear('y'), lanes.clear('z')], [1, 0])
    await settle()
    assert.deepEqual(lanes.ids(), ['x'])
  })
})

test.describe('deadlines', () => {
  test('a run that takes too long is aborted, ends as timeout, and the queue goes on (#48488, #7630, #16331, #81335, #5951, #67173; a parameter: #77740, #77741)', async () => {
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

  test('a run that ignores its signal is abandoned: its lane goes on, and everything queued is still there (#130810, #130911)', async () => {
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
  const cases: [string, (turn: Turn<Work>) => unknown, string][] = [
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
      const { lanes, clock, submit, send } = rig()
      const { settled } = await send('x', run)
      const told = settled.then(
        ({ value }) => value,
        (error) => (error instanceof LaneError ? error.code : error.message)
      )
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
    const { lanes, clock, send } = rig()
    const calls: string[] = []
    const outer = await send('x', async () => (await send('x', () => calls.push('inner'))).settled)
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
  const { lanes, clock, send } = rig({ maxConcurrentRuns: 1 })
  const fail = () => Promise.reject(new Error('boom'))
  const hang = () => new Promise((_, reject) => clock.after(RUN_TIMEOUT + 2 * ABANDON_AFTER, () => reject(new Error('late'))))
  for (const run of [fail, hang, fail]) await send('x', run)
  await send('y', fail)
  lanes.cancel('y')
  await clock.advance(RUN_TIMEOUT + 3 * ABANDON_AFTER)
  assert.equal(lanes.size, 0)
  assert.deepEqual(unhandled, [])
})
