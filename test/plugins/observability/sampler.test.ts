import assert from 'node:assert/strict'
import test from 'node:test'
import { MAX_SOURCES, Sampler } from '../../../plugins/observability/sampler.ts'
import type { Source } from '../../../plugins/observability/sources.ts'

const MINUTE = 60_000

function source(id: string, more: Partial<Source> = {}): Source {
  return { id, name: id, kind: 'k', runtime: 'k', status: 'running', stateCode: 3, healthCode: 0, ...more }
}

/** A sampler whose clock and sources the test sets; each step is a look a minute later. */
function rig(retentionMs = 10 * MINUTE) {
  const state = { now: 0, sources: [] as Source[], error: undefined as Error | undefined, retentionMs }
  const failures: unknown[] = []
  const sampler = new Sampler({
    look: async () => {
      if (state.error) throw state.error
      return state.sources
    },
    times: () => ({ sampleMs: MINUTE, retentionMs: state.retentionMs }),
    failed: (error) => failures.push(error),
    now: () => state.now
  })
  const step = async (...sources: Source[]): Promise<void> => {
    state.sources = sources
    state.now += MINUTE
    await sampler.sample()
  }
  const points = (id: string) => sampler.points(id, 0, state.now, MINUTE)
  return { state, failures, sampler, step, points }
}

test('a look that fails leaves a gap, and so does a source that was not there', async () => {
  const { state, failures, sampler, step, points } = rig()
  await step(source('a'), source('b'))
  state.error = new Error('not now')
  await step()
  state.error = undefined
  await step(source('a'))
  assert.deepEqual(
    points('a').map(({ ts }) => ts / MINUTE),
    [1, 3]
  )
  assert.deepEqual(
    points('b').map(({ ts }) => ts / MINUTE),
    [1]
  )
  assert.equal(failures.length, 1)
  assert.deepEqual(sampler.points('c', 0, state.now, MINUTE), [])
})

test('errors are those that a source has counted since, else that it has failed or become unhealthy', async () => {
  const { step, points } = rig()
  await step(source('counts', { errors: 7 }), source('other'))
  await step(source('counts', { errors: 9 }), source('other', { stateCode: 4 }))
  await step(source('counts', { errors: 9 }), source('other', { stateCode: 4 }))
  await step(source('counts', { errors: 1 }), source('other', { healthCode: 1 }))
  assert.deepEqual(
    points('counts').map(({ errorCount }) => errorCount),
    [0, 2, 0, 0]
  )
  assert.deepEqual(
    points('other').map(({ errorCount }) => errorCount),
    [0, 1, 0, 1]
  )
})

test('restarts are those that systemd has counted, else that another run was seen than before', async () => {
  const { step, points } = rig()
  const unit = (run: string | undefined, restarts: number) => source('unit', { run, restarts })
  const container = (upSeconds: number | undefined, run: string | undefined) => source('web', { run, upSeconds })
  await step(unit('10', 3), container(3600, 'web-1'))
  await step(unit('10', 3), container(3600, 'web-1'))
  await step(unit('11', 5), container(0, 'web-1'))
  await step(unit('12', 5), container(60, 'web-1'))
  await step(unit(undefined, 0), container(undefined, undefined))
  await step(unit('13', 0), container(5, 'web-1'))
  await step(unit('13', 0), container(60, 'web-2'))
  assert.deepEqual(
    points('unit').map(({ restartCount }) => restartCount),
    [0, 0, 2, 1, 0, 0, 0]
  )
  assert.deepEqual(
    points('web').map(({ restartCount }) => restartCount),
    [0, 0, 1, 0, 0, 0, 1]
  )
})

test('a source that is gone is forgotten when what was seen of it is too old', async () => {
  const { sampler, step } = rig(3 * MINUTE)
  await step(source('a'), source('gone'))
  await step(source('a'))
  await step(source('a'))
  await step(source('a'))
  assert.ok(sampler.has('gone'))
  await step(source('a'))
  assert.deepEqual(sampler.ids(), ['a'])
})

test('no more sources are kept than may be; those that are there come before those that are gone', async () => {
  const { sampler, step } = rig()
  const many = Array.from({ length: MAX_SOURCES + 50 }, (_, n) => source(`s${n}`))
  await step(...many)
  assert.equal(sampler.ids().length, MAX_SOURCES)
  await step(...many.slice(0, MAX_SOURCES - 1))
  await step(...many.slice(0, MAX_SOURCES - 1), source('new'))
  assert.ok(sampler.has('new'))
  assert.ok(!sampler.has(`s${MAX_SOURCES - 1}`))
  assert.equal(sampler.ids().length, MAX_SOURCES)
})

test('rings follow the configuration, and keep what fits', async () => {
  const { state, step, points } = rig(5 * MINUTE)
  for (let n = 0; n < 7; n++) await step(source('a'))
  assert.deepEqual(
    points('a').map(({ ts }) => ts / MINUTE),
    [3, 4, 5, 6, 7]
  )
  state.retentionMs = 3 * MINUTE
  await step(source('a'))
  assert.deepEqual(
    points('a').map(({ ts }) => ts / MINUTE),
    [6, 7, 8]
  )
  state.retentionMs = 5 * MINUTE
  await step(source('a'))
  assert.deepEqual(
    points('a').map(({ ts }) => ts / MINUTE),
    [6, 7, 8, 9]
  )
})

test('looks follow each other by themselves, one at a time, until it is closed', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let looking = 0
  let ended = Promise.withResolvers<readonly Source[]>()
  const sampler = new Sampler({
    look: () => {
      looking++
      return ended.promise
    },
    times: () => ({ sampleMs: 1000, retentionMs: 10_000 }),
    failed: () => {}
  })
  sampler.start()
  assert.equal(looking, 0)
  t.mock.timers.tick(1000)
  assert.equal(looking, 1)
  t.mock.timers.tick(10_000)
  assert.equal(looking, 1, 'the first one is not over')
  ended.resolve([])
  ended = Promise.withResolvers()
  await new Promise(setImmediate)
  t.mock.timers.tick(1000)
  assert.equal(looking, 2)
  sampler.close()
  ended.resolve([source('late')])
  await new Promise(setImmediate)
  assert.deepEqual(sampler.ids(), [])
  t.mock.timers.tick(10_000)
  assert.equal(looking, 2)
})
