import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { Disconnected, RpcError } from '../../../rpc/client/index.ts'
import { MIN_GAP_MS, Publisher, REFRESH_MS } from '../../../rpc/companion/publisher.ts'
import { settled, TestClock } from './fixtures.ts'

interface Value {
  readonly level?: number
  readonly text?: string
  readonly at?: number
}

function setup(source?: () => Value) {
  const clock = new TestClock()
  const sent: { readonly value: Value; readonly at: number }[] = []
  const errors: unknown[] = []
  const answers: ((value: Value) => unknown)[] = []
  const publisher = new Publisher<Value, unknown>({
    clock,
    report: (error) => void errors.push(error),
    source,
    send: async (value) => {
      sent.push({ value, at: clock.time })
      return (await answers.shift()?.(value)) ?? value
    },
    ignored: 'at'
  })
  return { clock, sent, errors, answers, publisher, values: () => sent.map(({ value }) => value) }
}

test('a value waits for the registration, and the newest is sent', async () => {
  const { clock, publisher, values } = setup()
  const first = publisher.set({ level: 1 })
  const second = publisher.set({ level: 2 })
  await clock.pass(REFRESH_MS)
  assert.deepEqual(values(), [])
  publisher.start()
  await clock.pass(0)
  assert.deepEqual(values(), [{ level: 2 }])
  assert.deepEqual(await Promise.all([first, second]), [{ level: 2 }, { level: 2 }])
})

test('an unchanged value is sent every 60 s, however often the platform reports it', async () => {
  const { clock, publisher, sent } = setup(() => ({ level: 1 }))
  const begin = clock.time
  publisher.start()
  for (let second = 0; second < 150; second++) {
    await clock.pass(1000)
    publisher.refresh()
  }
  await clock.pass(3 * REFRESH_MS)
  assert.deepEqual(
    sent.map(({ at }) => at - begin),
    [0, 1, 2, 3, 4, 5].map((nth) => nth * REFRESH_MS)
  )
})

test('a changed value is sent at once after a rest, and every 5 s while it goes on changing', async () => {
  let level = 0
  const { clock, publisher, sent } = setup(() => ({ level }))
  publisher.start()
  await clock.pass(20_000)
  const begin = clock.time
  for (let second = 0; second < 60; second++) {
    level++
    publisher.refresh()
    await clock.pass(1000)
  }
  await clock.pass(MIN_GAP_MS)
  const times = sent.slice(1).map(({ at }) => at - begin)
  assert.deepEqual(
    times,
    Array.from({ length: 13 }, (_, nth) => nth * MIN_GAP_MS)
  )
  assert.equal(sent.at(-1)!.value.level, 60)
})

test('given fields win over the source, and the ignored one is no change', async () => {
  const { clock, publisher, values } = setup(() => ({ level: 1, text: 'platform', at: clock.time }))
  publisher.start()
  await clock.pass(0)
  void publisher.set({ text: 'mine' })
  await clock.pass(MIN_GAP_MS)
  assert.deepEqual(
    values().map(({ level, text }) => [level, text]),
    [
      [1, 'platform'],
      [1, 'mine']
    ]
  )
  publisher.refresh()
  await clock.pass(MIN_GAP_MS)
  assert.equal(values().length, 2)
})

test('a value lost with its connection is sent with the next', async () => {
  const { clock, publisher, answers, values } = setup()
  answers.push(() => {
    publisher.stop()
    throw new Disconnected({ sent: true })
  })
  publisher.start()
  const result = publisher.set({ level: 1 })
  await clock.pass(REFRESH_MS)
  assert.equal(values().length, 1)
  publisher.start()
  await clock.pass(0)
  assert.deepEqual(await result, { level: 1 })
  assert.equal(values().length, 2)
})

test('a registration during a publication is followed by another one', async () => {
  const { clock, publisher, answers, values } = setup(() => ({ level: 1 }))
  const answered = Promise.withResolvers<unknown>()
  answers.push(() => answered.promise)
  publisher.start()
  await clock.pass(0)
  publisher.stop()
  publisher.start()
  answered.resolve('to the old connection')
  await clock.pass(MIN_GAP_MS)
  assert.equal(values().length, 2)
})

test('a refused value rejects its caller and is not repeated', async () => {
  const { clock, publisher, answers, errors, values } = setup()
  answers.push(() => {
    throw new RpcError({ code: -2, message: 'location is off' })
  })
  publisher.start()
  const refused = publisher.set({ level: 1 })
  await clock.pass(0)
  await assert.rejects(refused, /location is off/)
  await clock.pass(10 * REFRESH_MS)
  assert.deepEqual([values().length, errors.length], [1, 0])
  const accepted = publisher.set({ level: 2 })
  await clock.pass(0)
  assert.deepEqual(await accepted, { level: 2 })
})

test('after the end every value is rejected and no timer is left', async () => {
  const { clock, publisher, values } = setup()
  publisher.start()
  const waiting = publisher.set({ level: 1 })
  publisher.end(new Disconnected({ sent: false }))
  await assert.rejects(waiting, Disconnected)
  await assert.rejects(publisher.set({ level: 2 }), Disconnected)
  assert.deepEqual([clock.delays, values()], [[], []])
})

test('whatever happens, publications keep their gap, never overlap, and every caller is answered', async () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ act: fc.constant('set' as const), level: fc.nat(3) }) },
    { weight: 4, arbitrary: fc.record({ act: fc.constant('pass' as const), ms: fc.oneof(fc.nat(7_000), fc.nat(70_000)) }) },
    { weight: 1, arbitrary: fc.record({ act: fc.constantFrom('start', 'stop', 'refresh', 'lose') }) }
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const { clock, publisher, answers, sent } = setup()
      let registrations = 0
      let pending = 0
      const startedAt: number[] = []
      const start = (): void => {
        registrations++
        startedAt.push(clock.time)
        publisher.start()
      }
      let last: number | undefined
      start()
      for (const one of steps) {
        if (one.act === 'set') {
          pending++
          last = one.level
          void publisher.set({ level: one.level }).finally(() => pending--)
        } else if (one.act === 'pass') await clock.pass(one.ms)
        else if (one.act === 'start') start()
        else if (one.act === 'stop') publisher.stop()
        else if (one.act === 'refresh') publisher.refresh()
        else
          answers.push(() => {
            throw new Disconnected({ sent: true })
          })
      }
      answers.length = 0
      start()
      await clock.pass(2 * REFRESH_MS)
      await settled()
      assert.equal(pending, 0)
      if (last !== undefined) assert.equal(sent.at(-1)!.value.level, last)
      for (const [index, { at }] of sent.entries()) {
        const before = sent[index - 1]?.at
        if (before === undefined || at - before >= MIN_GAP_MS) continue
        assert.ok(
          startedAt.some((time) => time >= before && time <= at),
          'only a new registration shortens the gap'
        )
      }
      assert.ok(registrations > 0)
    }),
    { numRuns: 100, seed: 12 }
  )
})
