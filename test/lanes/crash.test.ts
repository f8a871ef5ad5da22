/** What is left of accepted messages when the process dies at any moment, closes in order, or its driver fails. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { LaneDriver, LaneEnd } from '../../lanes/driver.ts'
import { MemoryDriver } from '../../lanes/memory.ts'
import type { LaneMessage } from '../../lanes/message.ts'
import { rounds } from '../rounds.ts'
import {
  ABANDON_AFTER,
  Cast,
  Job,
  type MessageOptions,
  message,
  POLICY,
  RUN_TIMEOUT,
  recovered,
  rig,
  settle,
  shown,
  stepsOf,
  told,
  verdict,
  type Work
} from './fixtures.ts'

type Message = LaneMessage<Work>
type End = LaneEnd<Work, unknown>

/** What outlives a process: the messages without an end, and the ends. */
class Disk {
  readonly open = new MemoryDriver<Work, unknown>()
  /** Every end ever written, by message. */
  readonly ends = new Map<string, string[]>()
  /** Which messages each turn has, and which turns are over. */
  readonly #claims = new Map<string, string[]>()
  readonly #over = new Set<string>()

  claim(laneId: string, messages: readonly Message[], turnId: string): void {
    assert.ok(!this.#over.has(turnId), 'a turn that is over takes nothing')
    this.#claims.set(turnId, [...(this.#claims.get(turnId) ?? []), ...messages.map(({ id }) => id)])
    this.open.claim(laneId, messages, turnId)
  }

  /** What a later process makes of those that were running. */
  interrupt(laneId: string, messages: readonly Message[]): void {
    for (const { id } of messages) this.ends.set(id, [...(this.ends.get(id) ?? []), 'interrupted'])
    this.open.settle(
      laneId,
      messages.map((message) => ({ message, error: new Error('interrupted') }))
    )
  }

  settle(laneId: string, ends: readonly End[], turnId?: string): void {
    const ids = new Set(ends.map(({ message }) => message.id))
    const claimed =
      turnId === undefined ? [...this.#claims.values()].flat().filter((id) => ids.has(id)) : this.#claims.get(turnId)
    if (turnId === undefined) {
      assert.deepEqual(claimed, [], 'what ends outside a turn never was in one')
      for (const end of ends)
        assert.ok(!('error' in end && told(end.error) === 'shutdown'), 'what waits at the end has not ended')
    }
    if (turnId !== undefined)
      assert.ok(!this.#over.has(turnId) && (claimed ?? []).every((id) => ids.has(id)), 'a turn ends once, with all it has')
    if (turnId !== undefined) this.#over.add(turnId)
    for (const end of ends) {
      const { id } = end.message
      this.ends.set(id, [...(this.ends.get(id) ?? []), 'outcome' in end ? shown(end.outcome) : told(end.error)])
    }
    this.open.settle(laneId, ends, turnId)
  }
}

/** One process's way to the disk: a call is written when the test says so, in the order of the calls, or never. */
class SlowDriver implements LaneDriver<Work, unknown> {
  readonly #disk: Disk
  #pending: { write: () => void; resolve: () => void; reject: (error: Error) => void }[] = []
  #dead = false

  constructor(disk: Disk) {
    this.#disk = disk
  }

  accept(laneId: string, message: Message, body: unknown): Promise<void> {
    return this.#later(() => this.#disk.open.accept(laneId, message, body))
  }

  claim(laneId: string, messages: readonly Message[], turnId: string): Promise<void> {
    return this.#later(() => this.#disk.claim(laneId, messages, turnId))
  }

  settle(laneId: string, ends: readonly End[], turnId?: string): Promise<void> {
    return this.#later(() => this.#disk.settle(laneId, ends, turnId))
  }

  recover() {
    return this.#disk.open.recover()
  }

  #later(write: () => unknown): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    if (!this.#dead) this.#pending.push({ write, resolve, reject })
    return promise
  }

  commit(count: number): void {
    for (const { write, resolve } of this.#pending.splice(0, count)) {
      write()
      resolve()
    }
  }

  fail(): void {
    this.#pending.shift()?.reject(new Error('the disk is full'))
  }

  /** The process dies: of what it has not been answered, the first `count` calls were written. */
  crash(count: number): void {
    for (const { write } of this.#pending.splice(0, count)) write()
    this.#pending = []
    this.#dead = true
  }
}

const LANES = ['a', 'b', 'c']

/** Processes after each other, over one disk. */
class World {
  readonly disk = new Disk()
  readonly cast = new Cast()
  driver = new SlowDriver(this.disk)
  process = rig({ driver: this.driver })

  send(lane: string, name: string, options: MessageOptions): void {
    this.cast.add(lane, this.process.submit(lane, name, options))
  }

  /** A run that cannot have what was steered into it fails. */
  take(lane: string): Promise<unknown> {
    return this.cast.take(lane).catch(() => this.cast.end(lane, 'fail'))
  }

  crash(count: number): Promise<void> {
    this.driver.crash(count)
    return this.#restart()
  }

  async close(): Promise<void> {
    const closed = this.process.lanes.close(0)
    await this.drain()
    await closed
    await this.#restart()
  }

  /** The next process takes back what waited. What was running is interrupted, and not run again by itself. */
  async #restart(): Promise<void> {
    await settle()
    const driver = new SlowDriver(this.disk)
    const recovered = await driver.recover()
    this.driver = driver
    this.process = rig({ driver })
    for (const lane of LANES) {
      const own = recovered.filter(({ laneId }) => laneId === lane)
      const running = own.filter(({ state }) => state === 'running')
      this.disk.interrupt(
        lane,
        running.map(({ message }) => message)
      )
      this.process.lanes.restore(
        lane,
        own.filter(({ state }) => state === 'queued')
      )
    }
  }

  /** Everything that can happen happens, until nothing does any more. */
  async drain(): Promise<void> {
    const { process, driver } = this
    for (let round = 0; round < 200; round++) {
      driver.commit(Number.POSITIVE_INFINITY)
      for (const lane of LANES) this.cast.end(lane, 'finish')
      await process.clock.advance(round % 10 === 9 ? RUN_TIMEOUT + ABANDON_AFTER : 0)
      if (process.lanes.size === 0 && round > 20) break
    }
    assert.equal(process.lanes.size, 0, 'every lane has drained')
    assert.equal(process.clock.pending, 0, 'no timer is left')
  }

  async check(): Promise<void> {
    assert.deepEqual(await this.disk.open.recover(), [], 'nothing is left open')
    for (const { name, ticket, calls, steered, outcomes, error } of this.cast.all) {
      const ends = this.disk.ends.get(name) ?? []
      if (ticket) assert.equal(ends.length, 1, `${name} was acknowledged and has exactly one end`)
      assert.ok(ends.length <= 1, `${name} has ended twice`)
      assert.ok(calls + steered <= 1, `${name} was seen by two runs`)
      assert.ok(outcomes.length <= 1, `${name} was told of two outcomes`)
      const isOfDisk = ticket && outcomes.length === 1 && !['shutdown', 'unsaved'].includes(told(error ?? new Error('')))
      if (isOfDisk) assert.deepEqual(outcomes, ends, `${name} was told what is written`)
    }
  }
}

const lane = fc.constantFrom(...LANES)
const options = fc.record({
  mode: fc.constantFrom('collect', 'followup', 'steer', 'steer_backlog', 'interrupt'),
  owner: fc.constantFrom('ann', 'bob'),
  priority: fc.constantFrom('person', 'system'),
  cap: fc.integer({ min: 1, max: 4 }),
  overflow: fc.constantFrom('drop_old', 'drop_new')
})
const count = fc.nat({ max: 6 })

const steps = stepsOf<World>()
const step = fc.oneof(
  steps(8, fc.tuple(lane, options), (it, [lane, options], name) => it.send(lane, name, options)),
  steps(8, count, (it, count) => it.driver.commit(count)),
  steps(2, lane, (it, lane) => it.cast.end(lane, 'finish')),
  steps(4, lane, (it, lane) => void it.take(lane)),
  steps(1, lane, (it, lane) => it.process.lanes.cancel(lane)),
  steps(1, fc.constant('fail'), (it) => it.driver.fail()),
  steps(2, fc.constantFrom(1, POLICY.debounceMs, RUN_TIMEOUT), (it, ms) => it.process.clock.advance(ms)),
  steps(1, count, (it, count) => it.crash(count)),
  steps(1, fc.constant('close'), (it) => it.close())
)

test('whenever the process dies or the driver fails, every acknowledged message has one end, and none runs twice', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
      const world = new World()
      for (const [index, step] of steps.entries()) {
        await step.play(world, `${index}`)
        await settle()
      }
      await world.drain()
      // What a driver has failed to settle is found by the next process.
      await world.crash(0)
      await world.drain()
      await world.check()
    }),
    { numRuns: rounds(250) }
  )
})

/** A message a lane is busy with, and what waits behind it; every call of the driver is written at once. */
async function written(names: readonly string[], more: Record<string, MessageOptions> = {}) {
  const disk = new Disk()
  const driver = new SlowDriver(disk)
  const process = rig({ driver })
  const flush = async (): Promise<void> => {
    for (let round = 0; round < 5; round++) {
      driver.commit(Number.POSITIVE_INFINITY)
      await settle()
    }
  }
  const jobs = names.map((name) => process.submit('x', name, more[name] ?? {}))
  await flush()
  return { disk, driver, ...process, jobs, flush }
}

test('send resolves once the message is durable, and takes messages in in the order they were sent, whoever is answered first', async () => {
  const answers: PromiseWithResolvers<void>[] = []
  const driver = Object.assign(new MemoryDriver<Work, unknown>(), {
    accept() {
      answers.push(Promise.withResolvers())
      return answers.at(-1)!.promise
    }
  })
  const { submit, called, lanes } = rig({ driver })
  const jobs = ['1', '2', '3'].map((name) => submit('x', name))
  answers[2]!.resolve()
  answers[1]!.reject(new Error('the disk is full'))
  await settle()
  assert.deepEqual([called, jobs.map(({ ticket }) => ticket)], [[], [undefined, undefined, undefined]])
  assert.equal(lanes.has('x'), true)
  answers[0]!.resolve()
  await settle()
  assert.deepEqual([called, jobs[1]!.outcomes, jobs[2]!.ticket?.position], [['1'], ['refused: unsaved'], 1])
})

test('a message that is cancelled while it is being made durable is not taken in, and its end is written', async () => {
  const disk = new Disk()
  const driver = new SlowDriver(disk)
  const { submit, lanes, called } = rig({ driver })
  const job = submit('x', '1')
  assert.equal(lanes.cancel('x').queued, 1)
  driver.commit(1)
  await settle()
  driver.commit(1)
  await settle()
  assert.deepEqual([called, job.outcomes, disk.ends.get('1')], [[], ['cancelled'], ['cancelled']])
  assert.equal(lanes.size, 0)
})

test('a claim that fails ends the turn, and the lane goes on', async () => {
  const { driver, jobs, flush, called } = await written(['1', '2'])
  jobs[0]!.finish()
  await settle()
  driver.commit(1)
  driver.fail()
  await flush()
  assert.deepEqual([called, jobs.map(({ outcomes }) => outcomes)], [['1'], [['done'], ['unsaved']]])
})

test('what is steered has left the queue at once, and is seen only when the claim is written: nothing is seen by two runs', async () => {
  const { disk, driver, jobs, lanes, flush } = await written(['1', 'steered'], { steered: { mode: 'steer' } })
  let seen: Message[] | undefined
  const taken = jobs[0]!.turn!.takeSteered().then((messages) => {
    seen = messages
  })
  assert.deepEqual([lanes.queued('x'), lanes.clear('x')], [[], 0])
  jobs[1]!.finish()
  await settle()
  assert.equal(seen, undefined)
  const state = async () => (await disk.open.recover()).map(({ message: { id }, state }) => `${id} ${state}`)
  assert.deepEqual(await state(), ['1 running', 'steered queued'])
  driver.commit(1)
  await taken
  assert.deepEqual([seen!.map(({ id }) => id), await state()], [['steered'], ['1 running', 'steered running']])
  jobs[0]!.finish()
  await flush()
  assert.deepEqual(disk.ends.get('steered'), ['steered done'])
})

test('a run that cannot have what was steered into it is told why, and they end together', async () => {
  const steer = { mode: 'steer' } as const
  const { disk, driver, jobs, flush } = await written(['1', '2', '3'], { 2: steer, 3: steer })
  const taken = jobs[0]!.turn!.takeSteered()
  driver.fail()
  await assert.rejects(taken, (error) => verdict(error) === 'unsaved, running')
  assert.deepEqual(await jobs[0]!.turn!.takeSteered(), [])
  jobs[0]!.fail()
  await flush()
  assert.deepEqual(
    jobs.map(({ outcomes, calls }) => [outcomes, calls]),
    [
      [['failed'], 1],
      [['failed'], 0],
      [['failed'], 0]
    ]
  )
  assert.deepEqual([...disk.ends.keys()], ['1', '2', '3'])
})

test('what is only shown to a run, and has a turn of its own to come, is not claimed and waits for nothing', async () => {
  const { disk, jobs } = await written(['1', 'both'], { both: { mode: 'steer_backlog' } })
  assert.deepEqual(
    (await jobs[0]!.turn!.takeSteered()).map(({ id }) => id),
    ['both']
  )
  assert.equal((await disk.open.recover())[1]!.state, 'queued')
})

test('nobody is told of an end that could not be written, but of that', async () => {
  const { driver, jobs, flush, lanes } = await written(['1'])
  jobs[0]!.finish()
  await settle()
  assert.deepEqual(jobs[0]!.outcomes, [])
  driver.fail()
  await flush()
  assert.deepEqual(jobs[0]!.outcomes, ['unsaved'])
  assert.equal(lanes.size, 0)
})

test('what waits when the lanes close stays with the driver, and runs in its order after the next start (#112317, #121269)', async () => {
  const { disk, lanes, jobs, flush } = await written(['1', '2', '3'])
  const closed = lanes.close(1000)
  await flush()
  jobs[0]!.finish()
  await flush()
  await closed
  assert.deepEqual(
    jobs.map(({ outcomes }) => outcomes),
    [['done'], ['shutdown'], ['shutdown']]
  )
  assert.deepEqual([...disk.ends], [['1', ['done']]])

  const next = rig({ driver: disk.open })
  const waiting = await disk.open.recover()
  const tickets = next.lanes.restore('x', waiting)
  assert.deepEqual(
    tickets.map(({ position }) => position),
    [0, 1]
  )
  await settle()
  jobs[1]!.finish()
  await settle()
  assert.deepEqual(next.called, ['2', '3'])
  jobs[2]!.finish()
  assert.deepEqual(await Promise.all(tickets.map(({ settled }) => settled)), [
    { value: 'done', how: 'completed' },
    { value: 'done', how: 'completed' }
  ])
})

test('a lane that has nothing to do forgets what it dropped, even where the last ends are not stored yet', async () => {
  const { submit, lanes, jobs, flush } = await written(['1', 'waits', 'dropped'], { dropped: { cap: 1, overflow: 'drop_new' } })
  lanes.cancelMessage('x', 'waits')
  jobs[0]!.finish()
  await settle()
  assert.deepEqual([lanes.snapshot('x').state, lanes.has('x')], ['idle', true])
  const later = submit('x', 'later')
  await flush()
  assert.deepEqual([jobs[2]!.outcomes, later.turn!.dropped], [['overflow'], []])
})

test('a turn is named after its first message, unless a turn of an earlier process had that; what it takes is claimed by its name', async () => {
  const claims: string[] = []
  const driver = Object.assign(new MemoryDriver<Work, unknown>(), {
    async claim(_laneId: string, messages: readonly Message[], turnId: string) {
      claims.push(`${turnId}: ${messages.map(({ id }) => id).join(' ')}`)
    }
  })
  const ends: string[] = []
  const settled = driver.settle.bind(driver)
  driver.settle = (laneId, of, turnId) => {
    ends.push(`${turnId}: ${of.map(({ message: { id } }) => id).join(' ')}`)
    return settled(laneId, of, turnId)
  }
  const names = ['fresh name'].values()
  const { lanes, submit } = rig({ driver, newId: () => names.next().value! })
  const [old, next] = [new Job('old'), new Job('next')]
  const tickets = lanes.restore('x', [
    recovered(message<Work>(old, { id: 'old' }), { state: 'running', attempts: 1 }),
    recovered(message<Work>(next, { id: 'next' }))
  ])
  await settle()
  submit('x', 'steered', { mode: 'steer' })
  submit('x', 'both', { mode: 'steer_backlog' })
  submit('x', 'dropped', { cap: 0, overflow: 'drop_new' })
  await settle()
  assert.equal(old.turn!.id, 'fresh name')
  old.turn!.takeSteered()
  old.finish()
  await tickets[0]!.settled
  next.finish()
  await tickets[1]!.settled
  await settle()
  assert.deepEqual(claims, ['fresh name: old', 'fresh name: steered', 'next: next', 'both: both'])
  assert.deepEqual(ends, ['undefined: dropped', 'fresh name: old steered', 'next: next'])
})

test('without a name given, a turn that needs one has a random UUID', async () => {
  const { lanes } = rig()
  const again = ['1', '2'].map((id) => recovered(message<Work>({ run: (turn) => turn.id }, { id }), { attempts: 1 }))
  const [one, two] = await Promise.all(lanes.restore('x', again).map(({ settled }) => settled))
  for (const { value } of [one!, two!])
    assert.match(value as string, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.notEqual(one!.value, two!.value)
})

test('a body goes to the driver, and is not kept in the lane', async () => {
  const driver = new MemoryDriver<Work, unknown>()
  const { lanes } = rig({ driver })
  const one = message<Work>({ run: ({ messages }) => Object.values(messages[0]!).includes('a long text') }, { id: '1' })
  const { settled } = await lanes.send('x', one, 'a long text')
  assert.equal(driver.body('1'), 'a long text')
  assert.equal((await settled).value, false)
  assert.equal(driver.body('1'), undefined)
})

test('what was restored starts at once, collected where its policy says so; no cap and no interrupt drops any of it', async () => {
  const { lanes, called } = rig()
  const again = (name: string, options: MessageOptions) => recovered(message<Work>(new Job(name), { id: name, ...options }))
  const one = lanes.restore('x', [again('1', { mode: 'collect' }), again('2', { mode: 'collect' })])
  lanes.restore(
    'y',
    ['3', '4', '5'].map((name) => again(name, { mode: 'interrupt', cap: 1 }))
  )
  assert.deepEqual(lanes.restore('z', []), [])
  await settle()
  assert.deepEqual([called, one.length, lanes.snapshot('y').depth], [['1+2', '3'], 2, 2])
  lanes.close(0)
  assert.throws(() => lanes.restore('z', [again('6', {})]), { code: 'shutdown' })
})
