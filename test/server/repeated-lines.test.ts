import assert from 'node:assert/strict'
import test from 'node:test'
import { RepeatedLines } from '../../server/repeated-lines.ts'

test('equal lines are limited for a minute, then their number is reported', () => {
  let now = 0
  const lines = new RepeatedLines(() => now)
  const taken = Array.from({ length: 60 }, () => lines.take('flood'))
  assert.deepEqual([taken.filter((left) => left === 0).length, taken.at(-1)], [50, undefined])
  assert.equal(lines.take('another'), 0)
  now += 60_000
  assert.equal(lines.take('flood'), 10)
  assert.equal(lines.take('flood'), 0)
})

test('the number of different lines that are counted is bounded', () => {
  const lines = new RepeatedLines(() => 0)
  for (let n = 0; n < 60; n++) lines.take('old')
  assert.equal(lines.take('old'), undefined)
  for (let n = 0; n < 256; n++) lines.take(`line ${n}`)
  assert.equal(lines.take('old'), 0, 'it was forgotten')
})
