import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { FailureLimiter, MAX_FAILURES, MAX_KEYS, WINDOW_MS } from '../../security/failure-limiter.ts'

function limiterAt(start = 1_000_000) {
  const clock = { now: start }
  return { clock, limiter: new FailureLimiter(() => clock.now) }
}

test('ten failures within a minute lock an address for a minute, and no other address', () => {
  const { clock, limiter } = limiterAt()
  for (let i = 1; i < MAX_FAILURES; i++) assert.equal(limiter.fail('a'), 'counted')
  assert.equal(limiter.lockedFor('a'), 0)
  assert.equal(limiter.fail('a'), 'locked')
  assert.equal(limiter.lockedFor('a'), WINDOW_MS)
  assert.equal(limiter.lockedFor('b'), 0)
  clock.now += WINDOW_MS - 1
  assert.equal(limiter.lockedFor('a'), 1)
  clock.now += 1
  assert.equal(limiter.lockedFor('a'), 0)
  assert.equal(limiter.fail('a'), 'counted')
})

test('ten failures that take longer than a minute never lock', () => {
  const { clock, limiter } = limiterAt()
  for (let i = 0; i < 100; i++) {
    assert.equal(limiter.fail('a'), 'counted')
    clock.now += WINDOW_MS / (MAX_FAILURES - 1) + 1
  }
})

test('whoever waits out each lock fails at most ten times in any minute', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 200 }), (pauses) => {
      const { clock, limiter } = limiterAt()
      const counted: number[] = []
      for (const pause of pauses) {
        clock.now += pause
        if (limiter.lockedFor('a') > 0) continue
        limiter.fail('a')
        counted.push(clock.now)
      }
      for (const from of counted) {
        assert.ok(counted.filter((at) => at >= from && at < from + WINDOW_MS).length <= MAX_FAILURES)
      }
    })
  )
})

test('the same evidence counts once a minute, other evidence each time', () => {
  const { clock, limiter } = limiterAt()
  assert.equal(limiter.fail('a', 'cookie'), 'counted')
  for (let i = 0; i < 50; i++) assert.equal(limiter.fail('a', 'cookie'), 'repeated')
  assert.equal(limiter.fail('b', 'cookie'), 'counted')
  clock.now += WINDOW_MS
  assert.equal(limiter.fail('a', 'cookie'), 'counted')
  for (let i = 2; i < MAX_FAILURES; i++) assert.equal(limiter.fail('a', `guess ${i}`), 'counted')
  assert.equal(limiter.fail('a', 'last guess'), 'locked')
})

test('addresses are remembered up to a bound; the one that failed longest ago is forgotten first', () => {
  const { limiter } = limiterAt()
  for (let i = 0; i < MAX_FAILURES; i++) limiter.fail('old')
  for (let i = 0; i < MAX_FAILURES; i++) limiter.fail('again')
  for (let i = 0; i < MAX_KEYS - 2; i++) limiter.fail(`address ${i}`)
  limiter.fail('again')
  limiter.fail('one more')
  assert.equal(limiter.size, MAX_KEYS)
  assert.equal(limiter.lockedFor('old'), 0)
  assert.ok(limiter.lockedFor('again') > 0)
})
