import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import fc from 'fast-check'
import type { LaneDriver, LaneEnd, RecoveredMessage } from '../../lanes/driver.ts'
import { LaneError } from '../../lanes/errors.ts'
import type { LaneMessage } from '../../lanes/message.ts'
import { rounds } from '../rounds.ts'

/** A driver under test. */
export interface Subject<P, R> {
  readonly driver: LaneDriver<P, R>
  /** A second driver over the same storage: what the next process finds when this one has died. The first is not used any more. */
  reopen(): Promise<LaneDriver<P, R>>
  /** The body that is kept for a message; undefined when it has ended, or is not known. */
  body(laneId: string, id: string): unknown
}

/** Payload of a message and outcome of a run, in the types of the driver under test. */
export interface Samples<P, R> {
  readonly payload: P
  readonly value: R
}

/** `id state attempts` of each message that is found, by lane. */
function found(recovered: readonly RecoveredMessage<unknown>[]): Record<string, string[]> {
  const lanes = Object.groupBy(recovered, ({ laneId }) => laneId)
  const line = ({ message: { id }, state, attempts }: RecoveredMessage<unknown>): string => `${id} ${state} ${attempts}`
  return Object.fromEntries(Object.entries(lanes).map(([laneId, messages = []]) => [laneId, messages.map(line)]))
}

/**
 * Contract of every lane driver. `make` gives a new one over empty storage that is gone with the test. Ids are unique over
 * all lanes, as they are in life.
 */
export function driverContract<P, R>(
  kind: string,
  make: (t: TestContext) => Subject<P, R> | Promise<Subject<P, R>>,
  { payload, value }: Samples<P, R>
): void {
  const message = (id: string, changes: Partial<LaneMessage<P>> = {}): LaneMessage<P> => ({
    id,
    owner: 'token:ann',
    priority: 'person',
    policy: { mode: 'followup', cap: 20, overflow: 'drop_old', debounceMs: 250, summarizeOverflow: true },
    payload,
    acceptedAt: 1_739_448_000_000,
    ...changes
  })
  const bodyOf = (id: string): unknown => ({ text: `the text of ${id}: "ä😀"\n`, list: [1, null, { deep: true }] })
  const completed = (of: LaneMessage<P>): LaneEnd<P, R> => ({ message: of, outcome: { value, how: 'completed' } })
  const failed = (of: LaneMessage<P>): LaneEnd<P, R> => ({ message: of, error: new Error('failed') })
  const dropped = (of: LaneMessage<P>): LaneEnd<P, R> => ({
    message: of,
    error: new LaneError('overflow', 'ws:1', of.policy, { stage: 'waiting' })
  })
  const [a, b, c] = [message('a'), message('b'), message('c')]

  /** A driver with these messages in the lane `ws:1`, and its storage looked at by the next process. */
  async function withMessages(t: TestContext, messages: readonly LaneMessage<P>[]) {
    const { driver, reopen, body } = await make(t)
    for (const one of messages) await driver.accept('ws:1', one, bodyOf(one.id))
    return { driver, reopen, body, after: async () => found(await (await reopen()).recover()) }
  }

  test(`${kind}: what was accepted is found again, as it was, in the order of its lane`, async (t) => {
    const { driver, reopen } = await make(t)
    const other = message('z', {
      owner: 'hook:ci',
      priority: 'system',
      policy: { mode: 'collect', cap: 1, overflow: 'drop_new', debounceMs: 0, summarizeOverflow: false },
      acceptedAt: 5
    })
    await driver.accept('ws:1', c, bodyOf('c'))
    await driver.accept('ws:2', other, bodyOf('z'))
    await driver.accept('ws:1', a, bodyOf('a'))
    const recovered = await (await reopen()).recover()
    const lane = (id: string) => recovered.filter(({ laneId }) => laneId === id)
    const queued = { state: 'queued', attempts: 0 } as const
    assert.deepEqual(lane('ws:1'), [
      { laneId: 'ws:1', message: c, ...queued },
      { laneId: 'ws:1', message: a, ...queued }
    ])
    assert.deepEqual(lane('ws:2'), [{ laneId: 'ws:2', message: other, ...queued }])
    assert.equal(recovered.length, 3)
  })

  test(`${kind}: an empty one recovers nothing`, async (t) => {
    const { driver, reopen } = await make(t)
    assert.deepEqual(await driver.recover(), [])
    assert.deepEqual(await (await reopen()).recover(), [])
  })

  test(`${kind}: a body is kept until its message has ended, through claims and restarts`, async (t) => {
    const { driver, reopen, body } = await withMessages(t, [a, b])
    await driver.claim('ws:1', [a], 'a')
    const second = await reopen()
    assert.deepEqual([await body('ws:1', 'a'), await body('ws:1', 'b')], [bodyOf('a'), bodyOf('b')])
    await second.settle('ws:1', [completed(a)], 'a')
    assert.deepEqual([await body('ws:1', 'a'), await body('ws:1', 'b')], [undefined, bodyOf('b')])
    assert.equal(await body('ws:1', 'unknown'), undefined)
  })

  test(`${kind}: accepting an id again changes nothing while it has no end (#30604, #30688)`, async (t) => {
    const { driver, reopen, body } = await withMessages(t, [a, b])
    await driver.claim('ws:1', [a], 'a')
    await driver.accept('ws:1', message('a', { owner: 'token:bob', acceptedAt: 7 }), bodyOf('another'))
    const recovered = await (await reopen()).recover()
    assert.deepEqual(found(recovered), { 'ws:1': ['a running 1', 'b queued 0'] })
    assert.deepEqual(recovered[0]!.message, a)
    assert.deepEqual(await body('ws:1', 'a'), bodyOf('a'))
  })

  test(`${kind}: claims are counted over restarts, whichever turn makes them, and leave the order as it was`, async (t) => {
    const { driver, reopen } = await withMessages(t, [a, b, c])
    await driver.claim('ws:1', [b, c], 'b')
    const second = await reopen()
    assert.deepEqual(found(await second.recover()), { 'ws:1': ['a queued 0', 'b running 1', 'c running 1'] })
    await second.claim('ws:1', [c], '00000000-0000-4000-8000-000000000001')
    assert.deepEqual(found(await second.recover()), { 'ws:1': ['a queued 0', 'b running 1', 'c running 2'] })
  })

  test(`${kind}: a turn may take messages after it began, and ends with all of them at once, each in its own way`, async (t) => {
    const { driver, after, body } = await withMessages(t, [a, b, c])
    await driver.claim('ws:1', [a], 'a')
    await driver.claim('ws:1', [b], 'a')
    await driver.settle('ws:1', [completed(a), { message: b, outcome: { value, how: 'steered' } }], 'a')
    assert.deepEqual([await body('ws:1', 'a'), await body('ws:1', 'b')], [undefined, undefined])
    assert.deepEqual(await after(), { 'ws:1': ['c queued 0'] })
  })

  test(`${kind}: what has ended is not found again, whether it ran or not`, async (t) => {
    const { driver, after } = await withMessages(t, [a, b, c])
    await driver.claim('ws:1', [a], 'a')
    await driver.settle('ws:1', [failed(a)], 'a')
    await driver.settle('ws:1', [dropped(b)])
    assert.deepEqual(await after(), { 'ws:1': ['c queued 0'] })
  })

  test(`${kind}: a turn ends even where its claim never came`, async (t) => {
    const { driver, after } = await withMessages(t, [a, b])
    await driver.settle('ws:1', [failed(a)], 'a')
    assert.deepEqual(await after(), { 'ws:1': ['b queued 0'] })
  })

  test(`${kind}: an end stands: neither a second one nor a late claim brings the message back, and unknown ones do no harm`, async (t) => {
    const { driver, after } = await withMessages(t, [a])
    await driver.settle('ws:1', [dropped(a)])
    await driver.settle('ws:1', [completed(a), completed(b)], 'a')
    await driver.claim('ws:1', [a, b], 'a')
    assert.deepEqual(await after(), {})
  })

  test(`${kind}: nothing is lost or mixed up among many calls at once`, async (t) => {
    const { driver, reopen } = await make(t)
    const lanes = Array.from({ length: 20 }, (_, index) => `ws:${index}`)
    const ids = (lane: string): string[] => Array.from({ length: 50 }, (_, index) => `${lane} ${index}`)
    const calls = Array.from({ length: 50 }, (_, index) => lanes.map((lane) => [lane, ids(lane)[index]!] as const)).flat()
    await Promise.all(calls.map(([lane, id]) => driver.accept(lane, message(id), bodyOf(id))))
    assert.deepEqual(
      found(await (await reopen()).recover()),
      Object.fromEntries(lanes.map((lane) => [lane, ids(lane).map((id) => `${id} queued 0`)]))
    )
  })

  test(`${kind}: calls take effect in the order they were made, awaited or not`, async (t) => {
    const lane = fc.constantFrom('ws:1', 'ws:2')
    const ids = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 })
    const call = fc.record({ lane, ids, act: fc.constantFrom('accept', 'claim', 'settle'), awaited: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 30 }), async (calls) => {
        const { driver, reopen } = await make(t)
        const model = new Map<string, Map<string, { state: string; attempts: number }>>()
        const ended = new Set<string>()
        const pending: Promise<void>[] = []
        for (const { lane, ids, act, awaited } of calls) {
          const kept = model.get(lane) ?? new Map()
          model.set(lane, kept)
          // An id that has ended is not used again: whether it is remembered is the driver's own affair.
          const usable = ids.map((id) => `${lane} ${id}`).filter((id) => act !== 'accept' || !ended.has(id))
          for (const id of usable) {
            if (act === 'accept' && !kept.has(id)) kept.set(id, { state: 'queued', attempts: 0 })
            if (act === 'claim' && kept.has(id)) kept.set(id, { state: 'running', attempts: kept.get(id)!.attempts + 1 })
            if (act === 'settle' && kept.delete(id)) ended.add(id)
          }
          const messages = usable.map((id) => message(id))
          const [first] = usable
          if (first === undefined) continue
          if (act === 'accept') pending.push(...messages.map((one) => driver.accept(lane, one, bodyOf(one.id))))
          if (act === 'claim') pending.push(driver.claim(lane, messages, first))
          if (act === 'settle') pending.push(driver.settle(lane, messages.map(completed), first))
          if (awaited) await pending.at(-1)
        }
        await Promise.all(pending)
        const expected = [...model]
          .filter(([, kept]) => kept.size > 0)
          .map(([lane, kept]) => [lane, [...kept].map(([id, { state, attempts }]) => `${id} ${state} ${attempts}`)])
        assert.deepEqual(found(await (await reopen()).recover()), Object.fromEntries(expected))
      }),
      { numRuns: rounds(15) }
    )
  })
}
