import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { LaneError } from '../../lanes/errors.ts'
import type { Turn } from '../../lanes/lane.ts'
import { CAP, CHILD, type Item, type Kind, LANES, Model, OWNERS } from './model.ts'
import { ABANDON_AFTER, type Job, RUN_TIMEOUT, rig, settle } from './rig.ts'

/** The real lanes, driven by the same words as the model, with an eye on what must never happen. */
class Real {
  readonly #rig = rig({ maxConcurrentRuns: CAP })
  readonly lanes = this.#rig.lanes
  readonly clock = this.#rig.clock
  readonly started = this.#rig.called
  /** What a run saw that must never happen. */
  readonly violations: string[] = []
  /** Every job accepted, by lane, in the order of arrival. */
  readonly jobs = new Map(LANES.map((lane) => [lane, [] as Job[]]))

  enqueue(lane: string, { name, owner, act, onAbort }: Item): void {
    const first = ({ signal }: Turn): void => {
      const live = LANES.map((id) => this.jobs.get(id)!.filter(({ turn }) => turn?.live).length)
      if (Math.max(...live) > 1) this.violations.push('two live runs in one lane')
      if (live.reduce((sum, count) => sum + count) > CAP) this.violations.push('more live runs than slots')
      if (signal.aborted) this.violations.push('a run was called after it was stopped')
      if (act === 'throws') throw new Error('thrown')
      if (act === 'cancels its lane') this.lanes.cancel(lane)
      if (act === 'enqueues into its lane') this.enqueue(lane, { ...CHILD, name: `${name}+` })
    }
    try {
      this.jobs.get(lane)!.push(this.#rig.submit(lane, name, { owner, onAbort, first }))
    } catch (error) {
      assert.ok(error instanceof LaneError && error.code === 'shutdown', String(error))
    }
  }

  /** Ends the live run of the lane, or one that was abandoned and is of no interest any more. */
  end(lane: string, how: 'finish' | 'fail', which: 'live' | 'abandoned'): void {
    for (const job of this.jobs.get(lane)!) if (job.turn && job.turn.live === (which === 'live')) job[how]()
  }

  outcomes(): Map<string, string> {
    const settled = [...this.jobs.values()].flat().filter(({ outcomes }) => outcomes.length > 0)
    return new Map(settled.map(({ name, outcomes }) => [name, outcomes.join()]))
  }

  /** True of every schedule, however its steps interleave: checked once everything has come to rest. */
  checkPromises(): void {
    assert.deepEqual(this.violations, [])
    for (const jobs of this.jobs.values()) {
      for (const { name, calls, outcomes } of jobs) {
        assert.equal(outcomes.length, 1, `${name} has exactly one outcome`)
        assert.ok(calls <= 1, `${name} ran twice`)
        assert.ok(calls === 1 || ['cancelled', 'shutdown'].includes(outcomes[0]!), `${name} neither ran nor was cancelled`)
      }
      const order = jobs.filter(({ calls }) => calls > 0).map(({ turn }) => turn!.epoch)
      assert.deepEqual(
        order,
        order.toSorted((one, other) => one - other),
        'first in, first out'
      )
    }
    assert.equal(this.lanes.size, 0, 'every lane has drained and is forgotten')
    assert.equal(this.clock.pending, 0, 'no timer is left')
  }
}

const lane = fc.constantFrom(...LANES)
const kind: fc.Arbitrary<Kind> = fc.record({
  owner: fc.constantFrom(...OWNERS),
  act: fc.oneof(
    { weight: 6, arbitrary: fc.constant('waits' as const) },
    { weight: 1, arbitrary: fc.constantFrom('throws', 'cancels its lane', 'enqueues into its lane') }
  ),
  onAbort: fc.constantFrom('rejects', 'returns', 'ignores')
})
const how = fc.constantFrom('finish', 'fail')
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant('enqueue'), lane, kind }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('end'), lane, how }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('end abandoned'), lane, how }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('cancel'), lane, owner: fc.option(fc.constantFrom(...OWNERS), { nil: undefined }) })
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('advance'), ms: fc.constantFrom(1, ABANDON_AFTER, RUN_TIMEOUT / 2, RUN_TIMEOUT) })
  }
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never
/** A schedule; after `closeAt` steps the lanes are closed, if it has so many. */
const schedule = fc.record({
  steps: fc.array(step, { maxLength: 40, size: 'max' }),
  closeAt: fc.integer({ min: 0, max: 80 }),
  graceMs: fc.constantFrom(0, 30, RUN_TIMEOUT)
})

/** Long enough for whatever is queued to run, time out and be abandoned, one after the other. */
const FOREVER = 100 * (RUN_TIMEOUT + ABANDON_AFTER)

test('any schedule of work, ends, cancels, deadlines and closing does what the model says', async () => {
  const play = (real: Real, model: Model, step: Step, name: string): unknown => {
    switch (step.type) {
      case 'enqueue':
        model.enqueue(step.lane, { ...step.kind, name })
        return real.enqueue(step.lane, { ...step.kind, name })
      case 'end':
        model.end(step.lane, step.how === 'finish' ? 'done' : 'failed')
        return real.end(step.lane, step.how, 'live')
      case 'end abandoned':
        return real.end(step.lane, step.how, 'abandoned')
      case 'cancel':
        model.cancel(step.lane, step.owner)
        return real.lanes.cancel(step.lane, { owner: step.owner })
      case 'advance':
        model.advance(step.ms)
        return real.clock.advance(step.ms)
    }
  }
  const compare = (real: Real, model: Model): void => {
    for (const id of LANES) {
      const { state, queued } = real.lanes.snapshot(id)
      assert.deepEqual({ state, queued }, model.state(id), `lane ${id}`)
    }
    assert.deepEqual(real.started, model.started, 'started, in this order')
    assert.deepEqual(real.outcomes(), model.outcomes)
  }
  await fc.assert(
    fc.asyncProperty(schedule, async ({ steps, closeAt, graceMs }) => {
      const real = new Real()
      const model = new Model()
      for (const [index, step] of steps.entries()) {
        if (index === closeAt) {
          model.close(graceMs)
          real.lanes.close(graceMs)
        }
        await play(real, model, step, `${index}`)
        await settle()
        compare(real, model)
      }
      model.advance(FOREVER)
      await real.clock.advance(FOREVER)
      compare(real, model)
      real.checkPromises()
    }),
    { numRuns: 2000 }
  )
})

test('any interleaving, between any two microtasks, keeps the promises', async () => {
  const microtasks = fc.integer({ min: 0, max: 6 })
  const play = (real: Real, step: Step, name: string): unknown => {
    if (step.type === 'enqueue') return real.enqueue(step.lane, { ...step.kind, name })
    if (step.type === 'end') return real.end(step.lane, step.how, 'live')
    if (step.type === 'end abandoned') return real.end(step.lane, step.how, 'abandoned')
    if (step.type === 'cancel') return real.lanes.cancel(step.lane, { owner: step.owner })
    return real.clock.advance(step.ms)
  }
  await fc.assert(
    fc.asyncProperty(schedule, fc.infiniteStream(microtasks), async ({ steps, closeAt, graceMs }, pauses) => {
      const real = new Real()
      for (const [index, step] of steps.entries()) {
        if (index === closeAt) real.lanes.close(graceMs)
        // Time passes beside the steps that follow, not before them.
        play(real, step, `${index}`)
        for (let pause = pauses.next().value; pause > 0; pause--) await undefined
      }
      await settle()
      await real.clock.advance(FOREVER)
      real.checkPromises()
    }),
    { numRuns: 2000 }
  )
})
