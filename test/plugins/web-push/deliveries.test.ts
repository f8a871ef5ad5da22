import assert from 'node:assert/strict'
import test from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { Deliveries, MAX_DELIVERIES } from '../../../plugins/web-push/deliveries.ts'
import type { Sent } from '../../../plugins/web-push/sender.ts'
import { FakeClock } from '../../lanes/fixtures.ts'

const BUSY: Sent = { outcome: 'busy', why: 'status 503' }

/** Deliveries whose push service says one thing after the other. */
function rig(answers: (Sent | Error)[]) {
  const clock = new FakeClock()
  const logged: Record<string, unknown>[] = []
  const write = (line: object) => void logged.push(line as Record<string, unknown>)
  const deliveries = new Deliveries({ clock, log: { warn: write, info: write, error: write } as never })
  let sent = 0
  let removed = 0
  deliveries.start({
    id: 'digest',
    async send() {
      const answer = answers[sent++]
      assert.ok(answer)
      if (answer instanceof Error) throw answer
      return answer
    },
    gone: async () => void removed++
  })
  const settled = async () => {
    for (let turn = 0; turn < 10; turn++) await setImmediate()
  }
  const after = async (ms: number) => {
    await settled()
    await clock.advance(ms)
    await settled()
  }
  return { deliveries, clock, logged, after, settled, counts: () => [sent, removed] }
}

test('what was taken is done', async () => {
  const { settled, counts, logged, deliveries } = rig([{ outcome: 'taken' }])
  await settled()
  assert.deepEqual([counts(), logged], [[1, 0], []])
  await deliveries.close()
})

test('a subscription that is gone is removed, and its digest is all that the log says of it', async () => {
  const { settled, counts, logged } = rig([{ outcome: 'gone' }])
  await settled()
  assert.deepEqual([counts(), logged], [[1, 1], [{ subscription: 'digest' }]])
})

test('what was refused is logged and kept', async () => {
  const { settled, counts, logged } = rig([{ outcome: 'refused', why: 'status 403' }])
  await settled()
  assert.deepEqual([counts(), logged], [[1, 0], [{ subscription: 'digest', why: 'status 403' }]])
})

test('a service that is busy is tried three times more, ever more rarely, and not before it said', async () => {
  const { after, counts, logged } = rig([BUSY, { ...BUSY, afterMs: 60_000 }, BUSY, BUSY])
  await after(1999)
  assert.deepEqual(counts(), [1, 0])
  await after(1)
  assert.deepEqual(counts(), [2, 0])
  await after(59_999)
  assert.deepEqual(counts(), [2, 0])
  await after(1)
  assert.deepEqual(counts(), [3, 0])
  await after(32_000)
  assert.deepEqual([counts(), logged], [[4, 0], [{ subscription: 'digest', why: 'status 503' }]])
})

test('a pause of more than an hour drops the notification', async () => {
  const { settled, counts, logged } = rig([{ ...BUSY, afterMs: 3_600_001 }])
  await settled()
  assert.deepEqual([counts(), logged.length], [[1, 0], 1])
})

test('an unforeseen failure is logged', async () => {
  const error = new Error('no')
  const { settled, logged } = rig([error])
  await settled()
  assert.deepEqual(logged, [{ err: error, subscription: 'digest' }])
})

test('closing ends what waits, and starts nothing more', async () => {
  const { deliveries, settled, counts, logged } = rig([BUSY])
  await settled()
  await deliveries.close()
  deliveries.start({ id: 'late', send: () => assert.fail(), gone: async () => {} })
  await settled()
  assert.deepEqual([counts(), logged], [[1, 0], []])
})

test('the number of notifications under way is bounded', async () => {
  const { deliveries, logged, settled } = rig([{ outcome: 'taken' }])
  await settled()
  let sent = 0
  const send = (signal: AbortSignal) => {
    sent++
    return new Promise<Sent>((resolve) => signal.addEventListener('abort', () => resolve(BUSY), { once: true }))
  }
  for (let n = 0; n < MAX_DELIVERIES + 2; n++) deliveries.start({ id: `${n}`, send, gone: async () => {} })
  assert.deepEqual([sent, logged.length], [MAX_DELIVERIES, 2])
  await deliveries.close()
})
