/** What is true of every schedule, however its steps interleave, those of the runs and of the clock included. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { QueueMode } from '../../lanes/message.ts'
import { rounds } from '../rounds.ts'
import { ABANDON_AFTER, Cast, type Job, type JobOptions, RUN_TIMEOUT, rig, settle, stepsOf } from './fixtures.ts'

const SLOTS = 2
const LANES = ['a', 'b', 'c', 'd']

interface Kind extends JobOptions {
  readonly mode: QueueMode
  readonly act: 'waits' | 'throws' | 'cancels its lane' | 'sends into its lane'
}

/** What a run sends into its own lane. */
const CHILD: Kind = { mode: 'followup', act: 'waits', cap: 3 }

/** Lanes whose runs do anything, with an eye on what must never happen. */
class World {
  readonly #rig = rig({ maxConcurrentRuns: SLOTS })
  readonly lanes = this.#rig.lanes
  readonly clock = this.#rig.clock
  readonly cast = new Cast()
  readonly #followups = new Set<Job>()
  /** What a run saw that must never happen. */
  readonly #violations: string[] = []

  send(lane: string, name: string, { act, ...options }: Kind): void {
    const job = this.#rig.submit(lane, name, {
      ...options,
      first: ({ signal, messages }) => {
        const states = LANES.map((id) => this.lanes.snapshot(id).state)
        if (this.cast.live(lane).length > 1) this.#violations.push('two live runs in one lane')
        if (states.filter((state) => state === 'running').length > SLOTS) this.#violations.push('more runs than slots')
        if (signal.aborted) this.#violations.push('a run was called after it was stopped')
        if (new Set(messages.map(({ owner }) => owner)).size > 1) this.#violations.push('two owners in one turn')
        if (act === 'throws') throw new Error('thrown')
        if (act === 'cancels its lane') this.lanes.cancel(lane)
        if (act === 'sends into its lane') this.send(lane, `${name}+`, CHILD)
      }
    })
    this.cast.add(lane, job)
    if (options.mode === 'followup' && options.priority !== 'system') this.#followups.add(job)
  }

  async take(lane: string): Promise<void> {
    const [turn] = this.cast.live(lane)
    const seen = await this.cast.take(lane)
    if (seen.some(({ owner }) => owner !== turn!.messages[0]!.owner)) this.#violations.push('two owners in one turn')
  }

  cancelMessage(lane: string, back: number): void {
    this.lanes.cancelMessage(lane, this.cast.of(lane).at(-1 - back)?.name ?? 'none')
  }

  /** Once everything has come to rest. */
  check(): void {
    assert.deepEqual(this.#violations, [])
    for (const { name, calls, steered, outcomes } of this.cast.all) {
      assert.equal(outcomes.length, 1, `${name} has exactly one outcome`)
      assert.ok(calls + steered <= 1, `${name} ran twice`)
      assert.ok(calls === 1 || !/^(done|collected)/.test(outcomes[0]!), `${name} is done without having run`)
      assert.ok(calls === 0 || !/^(overflow|superseded|refused)/.test(outcomes[0]!), `${name} ran, and is said to be dropped`)
    }
    for (const lane of LANES) {
      const ran = this.cast.of(lane).filter((job) => this.#followups.has(job) && job.calls > 0)
      const epochs = ran.map(({ turn }) => turn!.epoch)
      const sorted = epochs.toSorted((one, other) => one - other)
      assert.deepEqual(epochs, sorted, 'first in, first out')
    }
    assert.equal(this.lanes.size, 0, 'every lane has drained and is forgotten')
    assert.equal(this.lanes.waiting, 0, 'nothing waits')
    assert.equal(this.clock.pending, 0, 'no timer is left')
  }
}

const lane = fc.oneof({ weight: 1, arbitrary: fc.constant(LANES[0]!) }, { weight: 1, arbitrary: fc.constantFrom(...LANES) })
const owner = fc.constantFrom('ann', 'bob')
const how = fc.constantFrom('finish' as const, 'fail' as const)
const kind: fc.Arbitrary<Kind> = fc.record({
  owner,
  priority: fc.constantFrom('person', 'person', 'person', 'system'),
  mode: fc.constantFrom('collect', 'collect', 'followup', 'followup', 'steer', 'steer', 'steer_backlog', 'interrupt'),
  cap: fc.nat({ max: 6 }),
  overflow: fc.constantFrom('drop_old', 'drop_new'),
  act: fc.oneof(
    { weight: 9, arbitrary: fc.constant('waits' as const) },
    { weight: 3, arbitrary: fc.constantFrom('throws', 'cancels its lane', 'sends into its lane') }
  ),
  onAbort: fc.constantFrom('rejects', 'returns', 'ignores')
})

const steps = stepsOf<World>()
const step = fc.oneof(
  steps(8, fc.tuple(lane, kind), (it, [lane, kind], name) => it.send(lane, name, kind)),
  steps(4, fc.tuple(lane, how), (it, [lane, how]) => it.cast.end(lane, how)),
  steps(1, fc.tuple(lane, how), (it, [lane, how]) => it.cast.end(lane, how, 'abandoned')),
  steps(3, lane, (it, lane) => void it.take(lane)),
  steps(1, lane, (it, lane) => it.cast.pause(lane)),
  steps(1, lane, (it, lane) => it.cast.resume(lane)),
  steps(1, fc.tuple(lane, fc.option(owner)), (it, [lane, owner]) => it.lanes.cancel(lane, { owner: owner ?? undefined })),
  steps(1, fc.tuple(lane, fc.option(owner)), (it, [lane, owner]) => it.lanes.clear(lane, { owner: owner ?? undefined })),
  steps(1, fc.tuple(lane, fc.nat({ max: 8 })), (it, [lane, back]) => it.cancelMessage(lane, back)),
  // Time passes beside the steps that follow, not before them.
  steps(3, fc.constantFrom(1, 20, ABANDON_AFTER, 200, RUN_TIMEOUT), (it, ms) => void it.clock.advance(ms))
)

/** Long enough for whatever is queued to run, time out and be abandoned, one after the other. */
const FOREVER = 100 * (RUN_TIMEOUT + ABANDON_AFTER)

test('any interleaving, between any two microtasks, keeps the promises', async () => {
  const schedule = fc.record({
    steps: fc.array(step, { maxLength: 50, size: 'max' }),
    /** After as many steps the lanes are closed, if it has so many. */
    closeAt: fc.nat({ max: 100 }),
    graceMs: fc.constantFrom(0, 30, RUN_TIMEOUT),
    microtasks: fc.infiniteStream(fc.nat({ max: 6 }))
  })
  await fc.assert(
    fc.asyncProperty(schedule, async ({ steps, closeAt, graceMs, microtasks }) => {
      const world = new World()
      for (const [index, step] of steps.entries()) {
        if (index === closeAt) world.lanes.close(graceMs)
        step.play(world, `${index}`)
        for (let pause = microtasks.next().value; pause > 0; pause--) await undefined
      }
      await settle()
      for (const lane of LANES) world.cast.resume(lane)
      await world.clock.advance(FOREVER)
      world.check()
    }),
    { numRuns: rounds(300) }
  )
})
