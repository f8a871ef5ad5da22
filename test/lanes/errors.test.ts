/** What a `LaneError` says of the message it ends: whether it was ever accepted, and whether a turn had it. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { MAX_QUEUED_TOTAL } from '../../lanes/lanes.ts'
import { MemoryDriver } from '../../lanes/memory.ts'
import {
  ABANDON_AFTER,
  type Job,
  type JobOptions,
  message,
  RUN_TIMEOUT,
  recovered,
  rig,
  settle,
  verdict,
  type Work
} from './fixtures.ts'

/** A lane `x` with a turn in it, and what waits behind it. */
async function busy(waiting: Record<string, JobOptions> = {}, first: JobOptions = {}) {
  const driver = new MemoryDriver<Work, unknown>()
  const world = rig({ driver })
  const active = world.submit('x', 'active', first)
  await settle()
  const jobs = Object.entries(waiting).map(([name, options]) => world.submit('x', name, options))
  await settle()
  return { ...world, driver, active, jobs }
}

type World = Awaited<ReturnType<typeof busy>>

const fails = (): Promise<void> => Promise.reject(new Error('the disk is full'))

/** What happens in a lane with a turn of ann's and a message of hers that waits, and whom it hits. */
const CASES: [what: string, happens: (world: World) => Job | Promise<Job>, told: string][] = [
  [
    'sent when the lanes are closing',
    ({ lanes, submit }) => {
      lanes.close(0)
      return submit('x', 'late')
    },
    'shutdown, refused'
  ],
  [
    'that could not be stored',
    ({ driver, submit }) => {
      driver.accept = fails
      return submit('x', 'unsaved')
    },
    'unsaved, refused'
  ],
  [
    'for which no room was in all lanes together',
    ({ lanes, submit }) => {
      const many = Array.from({ length: MAX_QUEUED_TOTAL }, (_, index) =>
        recovered(message<Work>({ run() {} }, { id: `${index}` }))
      )
      lanes.restore('y', many)
      return submit('x', 'too many')
    },
    'overflow, refused'
  ],
  [
    'that waited and was cancelled',
    ({ lanes, jobs }) => {
      lanes.cancel('x')
      return jobs[0]!
    },
    'cancelled, waiting'
  ],
  [
    'that was on its way when its lane was cleared',
    ({ lanes, submit }) => {
      const job = submit('x', 'on its way')
      lanes.clear('x')
      return job
    },
    'cancelled, waiting'
  ],
  [
    'that waited when the lanes closed',
    ({ lanes, jobs }) => {
      lanes.close(0)
      return jobs[0]!
    },
    'shutdown, waiting'
  ],
  [
    'that was on its way when the lanes closed',
    ({ lanes, submit }) => {
      const job = submit('x', 'on its way')
      lanes.close(0)
      return job
    },
    'shutdown, waiting'
  ],
  [
    'that was dropped for a newer one',
    ({ submit, jobs }) => {
      submit('x', 'newer', { cap: 1 })
      return jobs[0]!
    },
    'overflow, waiting'
  ],
  [
    'that was accepted, and dropped as the newest',
    ({ submit }) => submit('x', 'newest', { cap: 1, overflow: 'drop_new' }),
    'overflow, waiting'
  ],
  [
    'that waited when an interruption came',
    ({ submit, jobs }) => {
      submit('x', 'stop', { mode: 'interrupt' })
      return jobs[0]!
    },
    'superseded, waiting'
  ],
  [
    'whose end without a turn could not be stored',
    ({ driver, lanes, jobs }) => {
      driver.settle = fails
      lanes.clear('x')
      return jobs[0]!
    },
    'unsaved, waiting'
  ],
  [
    'that a turn has seen, and that waited for its own',
    async ({ lanes, submit, active }) => {
      const job = submit('x', 'both', { mode: 'steer_backlog' })
      await settle()
      assert.equal((await active.turn!.takeSteered()).length, 1)
      lanes.clear('x')
      return job
    },
    'cancelled, waiting'
  ],
  [
    'that ran when an interruption came',
    ({ submit, active }) => {
      submit('x', 'stop', { mode: 'interrupt' })
      return active
    },
    'cancelled, running'
  ],
  [
    'that ran for too long',
    async ({ clock, active }) => {
      await clock.advance(RUN_TIMEOUT)
      return active
    },
    'timeout, running'
  ],
  [
    'that ran when the grace was over',
    async ({ lanes, clock, active }) => {
      lanes.close(10)
      await clock.advance(10)
      return active
    },
    'shutdown, running'
  ],
  [
    'that was steered into a run that was cancelled',
    async ({ lanes, submit, active }) => {
      const job = submit('x', 'steered', { mode: 'steer' })
      await settle()
      await active.turn!.takeSteered()
      lanes.cancel('x')
      return job
    },
    'cancelled, running'
  ],
  [
    'whose turn could not be stored when it began',
    async ({ driver, active, jobs }) => {
      driver.claim = fails
      active.finish()
      return jobs[0]!
    },
    'unsaved, running'
  ],
  [
    'whose run ended, and that could not be stored',
    async ({ driver, active }) => {
      driver.settle = fails
      active.finish()
      return active
    },
    'unsaved, running'
  ]
]

for (const [what, happens, told] of CASES) {
  test(`a message ${what}: ${told}`, async () => {
    const job = await happens(await busy({ waiting: {} }))
    await settle()
    assert.equal(job.outcomes.length, 1)
    assert.equal(verdict(job.error), told)
    assert.equal(
      job.outcomes[0]!.startsWith('refused'),
      told.endsWith('refused'),
      'refused is what send rejects, and nothing else'
    )
  })
}

test('a message whose run was abandoned was running', async () => {
  const { clock, active } = await busy({}, { onAbort: 'ignores' })
  await clock.advance(RUN_TIMEOUT + ABANDON_AFTER)
  assert.equal(verdict(active.error), 'timeout, running')
})

test('restoring into lanes that are closing throws of messages that wait on', () => {
  const { lanes } = rig()
  lanes.close(0)
  const restore = () => lanes.restore('x', [recovered(message<Work>({ run() {} }))])
  assert.throws(restore, (error) => verdict(error) === 'shutdown, waiting')
})
