import assert from 'node:assert/strict'
import test from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { Ring, SAMPLE_BYTES, type Sample } from '../../../plugins/observability/ring.ts'

const at = (ts: number, more: Partial<Sample> = {}): Sample => ({
  ts,
  stateCode: 3,
  healthCode: 2,
  errorCount: 0,
  restartCount: 0,
  ...more
})

function ringOf(capacity: number, samples: readonly Sample[]): Ring {
  const ring = new Ring(capacity)
  for (const sample of samples) ring.add(sample)
  return ring
}

test('a bucket has the worst state and health that was seen in it, and the sums of the counts', () => {
  const samples = [
    at(60_000, { errorCount: 1 }),
    at(75_000, { stateCode: 4, healthCode: 1, restartCount: 1 }),
    at(89_999, { stateCode: 2, healthCode: 0, errorCount: 2, restartCount: 3 }),
    at(90_000, { stateCode: 0, healthCode: 0 })
  ]
  assert.deepEqual(ringOf(10, samples).buckets(0, 100_000, 30_000), [
    { ts: 60_000, stateCode: 4, healthCode: 1, errorCount: 3, restartCount: 4 },
    { ts: 90_000, stateCode: 0, healthCode: 0, errorCount: 0, restartCount: 0 }
  ])
  for (const [codes, worst] of [
    [[3, 0], 3],
    [[3, 2], 2],
    [[2, 1, 3], 1],
    [[1, 4], 4]
  ] as const) {
    const [bucket] = ringOf(
      10,
      codes.map((stateCode, n) => at(n, { stateCode }))
    ).buckets(0, 10, 1000)
    assert.equal(bucket!.stateCode, worst)
  }
})

test('there is a point where there was a sample, and none where there was none', () => {
  const sample = fc.record({
    ts: fc.integer({ min: 0, max: 100_000 }),
    stateCode: fc.integer({ min: 0, max: 4 }),
    healthCode: fc.integer({ min: 0, max: 2 }),
    errorCount: fc.nat(100),
    restartCount: fc.nat(100)
  })
  const some = fc.array(sample, { maxLength: 60 })
  fc.assert(
    fc.property(
      some,
      fc.integer({ min: 1, max: 40 }),
      fc.nat(100_000),
      fc.nat(100_000),
      fc.integer({ min: 1, max: 30_000 }),
      (samples, capacity, from, to, bucket) => {
        const points = ringOf(capacity, samples).buckets(from, to, bucket)
        const kept = samples.slice(-capacity).filter(({ ts }) => ts >= from && ts <= to)
        const starts = [...new Set(kept.map(({ ts }) => Math.floor(ts / bucket) * bucket))].sort((one, other) => one - other)
        assert.deepEqual(
          points.map(({ ts }) => ts),
          starts
        )
        for (const point of points) {
          const inside = kept.filter(({ ts }) => Math.floor(ts / bucket) * bucket === point.ts)
          assert.equal(
            point.errorCount,
            inside.reduce((sum, { errorCount }) => sum + errorCount, 0)
          )
          assert.equal(
            point.restartCount,
            inside.reduce((sum, { restartCount }) => sum + restartCount, 0)
          )
          assert.ok(inside.some(({ stateCode }) => stateCode === point.stateCode))
          assert.ok(inside.some(({ healthCode }) => healthCode === point.healthCode))
        }
      }
    )
  )
})

test('a ring of another size has the newest of the same samples', () => {
  const ring = ringOf(
    5,
    [1, 2, 3, 4, 5, 6, 7].map((ts) => at(ts))
  )
  const times = (ring: Ring) => ring.buckets(0, 100, 1).map(({ ts }) => ts)
  assert.deepEqual(times(ring), [3, 4, 5, 6, 7])
  assert.deepEqual(times(ring.resized(2)), [6, 7])
  assert.deepEqual(times(ring.resized(9)), [3, 4, 5, 6, 7])
  assert.equal(ring.resized(9).last?.ts, 7)
  assert.equal(new Ring(3).last, undefined)
})

test('a count that does not fit is as large as fits', () => {
  assert.equal(ringOf(1, [at(1, { errorCount: 1e9 })]).last?.errorCount, 65_535)
})

test('a sample takes as many bytes as is said', () => {
  // Buffers of earlier tests must not be collected in between.
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  const before = process.memoryUsage().arrayBuffers
  const rings = Array.from({ length: 50 }, () => new Ring(5760))
  const taken = process.memoryUsage().arrayBuffers - before
  assert.equal(taken, 50 * 5760 * SAMPLE_BYTES)
  assert.equal(rings.length, 50)
})
