import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { LaneDriver, RecoveredMessage } from '../../lanes/driver.ts'
import { LaneError } from '../../lanes/errors.ts'
import { MemoryDriver } from '../../lanes/memory.ts'
import type { LaneMessage } from '../../lanes/message.ts'
import { afterCrash, type Recovery } from '../../lanes/policy.ts'
import type { Turn } from '../../lanes/turn.ts'
import { rounds } from '../rounds.ts'
import { Cast, Job, message, rig, settle, verdict, type Work } from './fixtures.ts'
import { type Message, Model } from './model.ts'

const SLOTS = 2
/** More than slots, so that some have to wait for one. */
const LANES = ['a', 'b', 'c']
const OWNERS = ['ann', 'bob']
/** So far apart that no schedule gets from one to the next by adding them up. */
const [DEBOUNCE, ABANDON_AFTER, RUN_TIMEOUT] = [20, 1e6, 1e12]

const idsOf = (messages: readonly { id: string }[]): string[] => messages.map(({ id }) => id)

type Policy = Pick<Message, 'cap' | 'overflow' | 'summarize'>

/** What outlives a process. */
class Disk extends MemoryDriver<Work, unknown> {
  /** Those that had begun and are to begin again: they wait until then. */
  readonly #requeued = new Set<string>()

  requeue(id: string): void {
    this.#requeued.add(id)
  }

  override claim(laneId: string, messages: readonly LaneMessage<Work>[], turnId: string): Promise<void> {
    for (const { id } of messages) this.#requeued.delete(id)
    return super.claim(laneId, messages, turnId)
  }

  override async recover(): Promise<RecoveredMessage<Work>[]> {
    const found = await super.recover()
    return found.map((one) => (this.#requeued.has(one.message.id) ? { ...one, state: 'queued' } : one))
  }
}

/** A process's way to the disk: once it has died, nothing is written and nothing answered. */
function mortal(disk: Disk): { driver: LaneDriver<Work, unknown>; die(): void } {
  let dead = false
  const alive = <A>(call: () => Promise<A>): Promise<A> => (dead ? new Promise(() => {}) : call())
  return {
    driver: {
      accept: (...args) => alive(() => disk.accept(...args)),
      claim: (...args) => alive(() => disk.claim(...args)),
      settle: (...args) => alive(() => disk.settle(...args)),
      recover: () => disk.recover()
    },
    die() {
      dead = true
    }
  }
}

/** The real lanes and, for each of them, the model: every step is taken in both. */
class Both {
  readonly models = new Map(LANES.map((lane) => [lane, new Model()]))
  readonly cast = new Cast()
  readonly #disk = new Disk()
  #life = mortal(this.#disk)
  #real = this.#start()
  readonly #policies = new Map<string, Policy>(LANES.map((lane) => [lane, { cap: 3, overflow: 'drop_old', summarize: true }]))
  readonly #begun: [real: unknown, model: unknown][] = []
  readonly #turnIds = new Set<string>()
  readonly #echoes: [Job, Job][] = []
  readonly #held = new Set<string>()
  #sent = 0

  #start() {
    const options = { maxConcurrentRuns: SLOTS, runTimeoutMs: RUN_TIMEOUT, abandonAfterMs: ABANDON_AFTER }
    return rig({ ...options, driver: this.#life.driver })
  }

  policy(lane: string, policy: Policy): void {
    this.#policies.set(lane, policy)
  }

  send(lane: string, kind: Pick<Message, 'owner' | 'priority' | 'mode' | 'deaf'>): void {
    const sent: Message = { ...kind, ...this.#policies.get(lane)!, name: `${this.#sent++}` }
    const { name, deaf, summarize, ...options } = sent
    this.models.get(lane)!.send(sent)
    const job = this.#real.submit(lane, name, {
      ...options,
      summarizeOverflow: summarize,
      debounceMs: DEBOUNCE,
      onAbort: deaf ? 'ignores' : 'rejects',
      first: (turn) => this.#begins(lane, turn)
    })
    this.cast.add(lane, job)
  }

  /** A run was called: the lane may begin its next turn, says the model, and it is the same one. */
  #begins(lane: string, { id, messages, backlog, dropped }: Turn<Work>): void {
    const again = id !== messages[0]!.id
    assert.ok(!this.#held.has(lane), 'a held lane begins no turn')
    this.#begun.push([{ messages: idsOf(messages), backlog, again, dropped: idsOf(dropped) }, this.models.get(lane)!.begin()])
    assert.equal(this.cast.live(lane).length, 1, 'one live run in a lane')
    assert.ok(!this.#turnIds.has(id), 'no two turns have the same id')
    this.#turnIds.add(id)
  }

  /** The same message once more, while it has no end: it is the first one, and nothing else happens. */
  sendAgain(lane: string, back: number): void {
    const job = this.cast.of(lane).at(-1 - back)
    if (job === undefined || job.outcomes.length > 0) return
    const again = message<Work>({ run: () => assert.fail('another message') }, { id: job.name, mode: 'interrupt', owner: 'bob' })
    const echo = new Job(job.name).watch(this.#real.lanes.send(lane, again))
    this.#echoes.push([job, echo])
  }

  end(lane: string, how: 'finish' | 'fail'): void {
    const model = this.models.get(lane)!
    if (model.running.length > 0) model.end(how === 'finish' ? 'done' : 'failed')
    this.cast.end(lane, how)
  }

  async take(lane: string): Promise<void> {
    assert.deepEqual(idsOf(await this.cast.take(lane)), this.models.get(lane)!.take(), 'what a tool call sees')
  }

  cancel(lane: string, owner: string | undefined): void {
    this.models.get(lane)!.cancel((message) => owner === undefined || message.owner === owner, true)
    this.#real.lanes.cancel(lane, { owner })
  }

  clear(lane: string, owner: string | undefined): void {
    const hit = (message: { owner: string }): boolean => owner === undefined || message.owner === owner
    const model = this.models.get(lane)!
    assert.equal(this.#real.lanes.clear(lane, { owner }), model.waiting.filter(hit).length)
    model.cancel(hit, false)
  }

  cancelMessage(lane: string, back: number): void {
    const name = this.cast.of(lane).at(-1 - back)?.name ?? 'none'
    this.models.get(lane)!.cancel((message) => message.name === name, false)
    this.#real.lanes.cancelMessage(lane, name)
  }

  hold(lane: string): void {
    this.#held.add(lane)
    this.#real.lanes.hold(lane)
  }

  release(lane: string): void {
    this.#held.delete(lane)
    this.#real.lanes.release(lane)
  }

  /** Long enough for who collects. */
  quiet(): Promise<void> {
    return this.#real.clock.advance(10 * DEBOUNCE)
  }

  /** Runs that were stopped and do not end are given up. */
  deadline(): Promise<void> {
    for (const model of this.models.values()) if (model.stopping) model.end('abandoned')
    return this.#real.clock.advance(ABANDON_AFTER)
  }

  async restart(recovery: Recovery): Promise<void> {
    this.#life.die()
    for (const model of this.models.values()) model.restart(recovery)
    const orphans = new Map(this.cast.all.filter(({ outcomes }) => outcomes.length === 0).map((job) => [job.name, job]))
    for (const job of orphans.values()) job.orphan()
    this.#life = mortal(this.#disk)
    this.#real = this.#start()
    for (const lane of this.#held) this.#real.lanes.hold(lane)
    const found = await this.#disk.recover()
    for (const one of found) {
      const fate = afterCrash(one, recovery)
      if (fate === 'queue') this.#disk.requeue(one.message.id)
      if (fate === 'queue') continue
      orphans.get(one.message.id)!.outcomes.push(fate)
      await this.#disk.settle(one.laneId, [{ message: one.message, error: new Error(fate) }])
    }
    for (const lane of LANES) {
      const left = found.filter((one) => one.laneId === lane && afterCrash(one, recovery) === 'queue')
      const tickets = this.#real.lanes.restore(lane, left)
      for (const [index, { message }] of left.entries()) orphans.get(message.id)!.watch(Promise.resolve(tickets[index]!))
    }
  }

  /** After every step. */
  async compare(): Promise<void> {
    const { lanes } = this.#real
    for (const [real, model] of this.#begun.splice(0)) assert.deepEqual(real, model, 'the turn that began')
    const states = LANES.map((lane) => lanes.snapshot(lane).state)
    const [running, stopping] = ['running', 'stopping'].map((one) => states.filter((state) => state === one).length)
    assert.ok(running! <= SLOTS, 'no more runs than slots')
    for (const [lane, { waiting, running: begun, stopping: stops }] of this.models) {
      const { state, running: active } = lanes.snapshot(lane)
      const names = waiting.map(({ name }) => name)
      assert.deepEqual(idsOf(lanes.queued(lane)), names, `what waits in ${lane}`)
      assert.equal(ACTIVE[state], begun.length === 0 ? undefined : stops ? 'stops' : 'goes on', `lane ${lane} is ${state}`)
      assert.deepEqual([active?.id, active?.owner], [this.cast.live(lane)[0]?.id, begun[0]?.owner])
      if (begun.length === 0 && names.length > 0) assert.equal(state === 'held', this.#held.has(lane), `lane ${lane} is ${state}`)
      if (state === 'idle') assert.equal(names.length, 0, 'an idle lane has nothing to do')
      if (state === 'ready') assert.ok(running! + stopping! >= SLOTS, 'a lane waits for a slot only when all are taken')
      if (state === 'quiet') assert.equal(waiting[0]!.mode, 'collect', 'only what is collected waits for quiet')
    }
    const models = [...this.models.values()]
    const waiting = models.flatMap((model) => model.waiting)
    const begun = models.flatMap((model) => model.running)
    assert.equal(lanes.waiting, waiting.length)
    const open = (await this.#disk.recover()).map(({ message }) => message.id)
    assert.deepEqual(open.toSorted(), [...waiting, ...begun].map(({ name }) => name).toSorted(), 'nothing is lost')
    const told = this.cast.all.flatMap(({ name, outcomes, error }) => {
      return outcomes.map((outcome) => `${name}: ${error instanceof LaneError ? verdict(error) : outcome}`)
    })
    const outcomes = models.flatMap((model) => model.outcomes.map(([name, outcome]) => `${name}: ${outcome}`))
    assert.deepEqual(told.toSorted(), outcomes.toSorted(), 'who was told what')
  }

  /** Whatever was scheduled, it comes to an end, and leaves nothing behind. */
  async drain(): Promise<void> {
    for (const lane of LANES) this.release(lane)
    for (let round = 0; this.#real.lanes.size > 0 && round < 200; round++) {
      for (const lane of LANES) {
        this.cast.resume(lane)
        await settle()
        this.end(lane, 'finish')
      }
      await this.quiet()
    }
    await this.compare()
    assert.equal(this.#real.lanes.size, 0, 'every lane has drained and is forgotten')
    assert.equal(this.#real.lanes.waiting, 0)
    assert.equal(this.#real.clock.pending, 0, 'no timer is left')
    assert.deepEqual(await this.#disk.recover(), [], 'nothing is kept of what has ended')
    for (const { name, outcomes } of this.cast.all) assert.equal(outcomes.length, 1, `${name} has exactly one outcome`)
    // A process that died told nobody.
    for (const [job, echo] of this.#echoes) if (echo.outcomes.length > 0) assert.deepEqual(echo.outcomes, job.outcomes)
  }
}

const ACTIVE = {
  idle: undefined,
  held: undefined,
  quiet: undefined,
  ready: undefined,
  running: 'goes on',
  paused: 'goes on',
  resuming: 'goes on',
  stopping: 'stops'
} as const

type Command = fc.AsyncCommand<object, Both>
const command = (label: string, step: (both: Both) => unknown): Command => ({
  check: () => true,
  async run(_, both) {
    await step(both)
    await settle()
    await both.compare()
  },
  toString: () => label
})

/** Mostly one of them: much has to come together in a lane before some things happen. */
const lane = fc.oneof({ weight: 2, arbitrary: fc.constant(LANES[0]!) }, { weight: 1, arbitrary: fc.constantFrom(...LANES) })
const kind = fc.record({
  owner: fc.constantFrom(...OWNERS),
  priority: fc.constantFrom('person', 'person', 'person', 'system'),
  mode: fc.constantFrom('collect', 'collect', 'followup', 'followup', 'steer', 'steer', 'steer_backlog', 'interrupt'),
  deaf: fc.constantFrom(false, false, false, true)
})
const policy = fc.record({
  cap: fc.nat({ max: 5 }),
  overflow: fc.constantFrom('drop_old', 'drop_new'),
  summarize: fc.boolean()
})
const send = fc.tuple(lane, kind).map(([id, kind]) => command(`send to ${id} ${JSON.stringify(kind)}`, (it) => it.send(id, kind)))
const inLane = (label: string, step: (both: Both, lane: string) => unknown) =>
  lane.map((id) => command(`${label} ${id}`, (both) => step(both, id)))

const schedules = fc.commands(
  [
    send,
    send,
    send,
    send,
    fc.tuple(lane, fc.nat({ max: 3 })).map(([id, back]) => command(`send again ${id} -${back}`, (it) => it.sendAgain(id, back))),
    inLane('finish', (it, id) => it.end(id, 'finish')),
    inLane('finish', (it, id) => it.end(id, 'finish')),
    inLane('fail', (it, id) => it.end(id, 'fail')),
    inLane('tool call', (it, id) => it.take(id)),
    inLane('tool call', (it, id) => it.take(id)),
    inLane('pause', (it, id) => it.cast.pause(id)),
    inLane('resume', (it, id) => it.cast.resume(id)),
    inLane('hold', (it, id) => it.hold(id)),
    inLane('release', (it, id) => it.release(id)),
    inLane('release', (it, id) => it.release(id)),
    fc.tuple(lane, policy).map(([id, to]) => command(`policy of ${id} ${JSON.stringify(to)}`, (it) => it.policy(id, to))),
    fc
      .tuple(lane, fc.constantFrom(undefined, ...OWNERS))
      .map(([id, owner]) => command(`cancel ${id} ${owner ?? 'all'}`, (it) => it.cancel(id, owner))),
    fc
      .tuple(lane, fc.constantFrom(undefined, ...OWNERS))
      .map(([id, owner]) => command(`clear ${id} ${owner ?? 'all'}`, (it) => it.clear(id, owner))),
    fc
      .tuple(lane, fc.nat({ max: 5 }))
      .map(([id, back]) => command(`cancel message ${id} -${back}`, (it) => it.cancelMessage(id, back))),
    fc.constant(command('quiet', (it) => it.quiet())),
    fc.constant(command('quiet', (it) => it.quiet())),
    fc.constant(command('deadline', (it) => it.deadline())),
    fc
      .constantFrom('retry' as const, 'retry' as const, 'abandon' as const)
      .map((recovery) => command(`restart, ${recovery}`, (it) => it.restart(recovery)))
  ],
  { maxCommands: 60, size: 'max' }
)

test('any schedule of messages, ends, tool calls, pauses, cancels, policies and restarts does what the model says', async () => {
  await fc.assert(
    fc.asyncProperty(schedules, async (schedule) => {
      const both = new Both()
      await fc.asyncModelRun(() => ({ model: {}, real: both }), schedule)
      await both.drain()
    }),
    { numRuns: rounds(250) }
  )
})
