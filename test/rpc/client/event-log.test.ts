import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { EventLog } from '../../../rpc/client/event-log.ts'
import type { RunEvent, StreamEvent } from '../../../rpc/client/events.ts'
import { assertWhole } from './fixtures.ts'

const at = (seq: number) => ({ sessionId: 'cli:me', runId: 'r', seq })
const content = (seq: number): RunEvent => ({ event: 'content', data: { text: `${seq} ` }, ...at(seq) })
const tool = (seq: number): RunEvent => ({ event: 'tool_start', data: { tool: 't', args: {}, callId: 'c' }, ...at(seq) })
const done = (seq: number): RunEvent => ({ event: 'done', data: { content: '' }, ...at(seq) })

async function take(events: AsyncIterator<StreamEvent>, count: number): Promise<StreamEvent[]> {
  const taken: StreamEvent[] = []
  while (taken.length < count) {
    const { done, value } = await events.next()
    if (done) break
    taken.push(value)
  }
  return taken
}

test('readers at any pace see every event once, in order', async () => {
  const step = fc.record({ push: fc.nat(900), tool: fc.boolean(), read: fc.array(fc.nat(700), { minLength: 2, maxLength: 2 }) })
  const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
    const log = new EventLog({ keep: true })
    const readers = [log.read(), log.read()]
    const seen: StreamEvent[][] = [[], []]
    let seq = 0
    for (const { push, tool: isTool, read } of steps) {
      for (let index = 0; index < push; index++) log.push((isTool && index % 7 === 0 ? tool : content)(++seq), 100)
      for (const [index, count] of read.entries()) {
        const left = seq - (seen[index]!.at(-1)?.seq ?? 0)
        // A reader never waits here for what is still to come; merged, there may be fewer than that.
        for (let n = 0; n < Math.min(count, left) && (seen[index]!.at(-1)?.seq ?? 0) < seq; n++)
          seen[index]!.push(...(await take(readers[index]!, 1)))
      }
    }
    log.push(done(++seq), 100)
    log.end()
    for (const [index, reader] of readers.entries())
      assertWhole([...seen[index]!, ...(await take(reader, Number.POSITIVE_INFINITY))])
    // One that comes late reads from the beginning.
    assertWhole(await take(log.read(), Number.POSITIVE_INFINITY))
  })
  await fc.assert(property, { numRuns: 20, seed: 3 })
})

test('a reader that keeps up sees each event as it came', async () => {
  const log = new EventLog({ keep: true })
  const reader = log.read()
  for (let seq = 1; seq <= 5000; seq++) {
    log.push(content(seq), 100)
    assert.deepEqual(await take(reader, 1), [content(seq)])
  }
})

test('events beyond the bound are dropped, and a reader gets a gap', async () => {
  for (const [events, size] of [
    [40_000, 10],
    [1000, 100_000]
  ] as const) {
    const log = new EventLog({ keep: true })
    const reader = log.read()
    for (let seq = 1; seq <= events; seq++) log.push(tool(seq), size)
    log.push(done(events + 1), 10)
    log.end()
    const [first, ...rest] = await take(reader, Number.POSITIVE_INFINITY)
    assert.equal(first?.event, 'gap')
    assertWhole(rest, { first: rest[0]?.seq })
    assert.ok(rest.length > 100 && rest.length <= 8192, `${rest.length}`)
  }
})

test('a log for followers keeps nothing that every reader has read', async () => {
  const log = new EventLog({ keep: false })
  log.push(tool(1), 10)
  const reader = log.read()
  log.push(tool(2), 10)
  assert.deepEqual(await take(reader, 1), [tool(2)])
  const late = log.read()
  log.push(tool(3), 10)
  assert.deepEqual(await take(late, 1), [tool(3)])
})

test('a reader that is left ends, and so does a next that waits', async () => {
  const log = new EventLog({ keep: true })
  let closed = 0
  const reader = log.read(() => closed++)
  const waiting = reader.next()
  await reader.return?.()
  assert.deepEqual(await waiting, { done: true, value: undefined })
  assert.deepEqual(await reader.next(), { done: true, value: undefined })
  assert.equal(closed, 1)
})

test('an error ends every reader after what came before it', async () => {
  const log = new EventLog({ keep: true })
  log.push(tool(1), 10)
  const fault = new Error('of the run')
  log.end(fault)
  for (const reader of [log.read(), log.read()]) {
    assert.deepEqual(await take(reader, 1), [tool(1)])
    await assert.rejects(reader.next(), fault)
  }
})
