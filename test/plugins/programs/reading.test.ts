import assert from 'node:assert/strict'
import test from 'node:test'
import { Reading } from '../../../plugins/programs/reading.ts'

function rig() {
  const clock = { now: 0 }
  const reads: PromiseWithResolvers<string>[] = []
  const reading = new Reading(
    () => {
      const read = Promise.withResolvers<string>()
      reads.push(read)
      return read.promise
    },
    () => clock.now
  )
  return { clock, reads, reading }
}

test('a hundred who ask at once share one reading, and so does who asks in the second after', async () => {
  const { clock, reads, reading } = rig()
  const asked = Array.from({ length: 100 }, () => reading.get())
  clock.now += 5000
  asked.push(reading.get())
  assert.equal(reads.length, 1)
  reads[0]!.resolve('one')
  assert.deepEqual(new Set(await Promise.all(asked)), new Set(['one']))
  clock.now += 999
  assert.equal(await reading.get(), 'one')
  clock.now += 1
  const next = reading.get()
  reads[1]!.resolve('two')
  assert.equal(await next, 'two')
})

test('what could not be read is not kept', async () => {
  const { reads, reading } = rig()
  const failed = reading.get()
  reads[0]!.reject(new Error('no'))
  await assert.rejects(failed, /no/)
  const again = reading.get()
  reads[1]!.resolve('yes')
  assert.equal(await again, 'yes')
})

test('who has changed something is not given what was read before, and whoever asks then neither', async () => {
  const { reads, reading } = rig()
  const before = reading.get()
  const fresh = reading.fresh()
  const after = reading.get()
  reads[1]!.resolve('new')
  reads[0]!.resolve('old')
  assert.deepEqual(await Promise.all([before, fresh, after, reading.get()]), ['old', 'new', 'new', 'new'])
})
