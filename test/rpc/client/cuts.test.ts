import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { GatewayClient, Run, SessionEvent } from '../../../rpc/client/index.ts'
import { build, connect } from '../../helper.ts'
import { rounds } from '../../rounds.ts'
import { assertWhole, clientFor, collect } from './fixtures.ts'
import { startProxy } from './proxy.ts'

/** Random inputs of the property. More than these are other ones each time. */
const QUICK = 12
const RUNS = rounds(QUICK)
/** A tool call and its answer in between. */
const MESSAGE = '/tool memory.put {"namespace":"notes","key":"k","content":"v"}\nsay one two three'

/** Follows a session until so many runs have ended. */
async function followed(gateway: GatewayClient, sessionId: string, runs: number): Promise<SessionEvent[]> {
  const events: SessionEvent[] = []
  let ended = 0
  for await (const event of gateway.session(sessionId).follow()) {
    events.push(event)
    if ((event.event === 'done' || event.event === 'error') && ++ended === runs) return events
  }
  throw new Error(`ended after ${JSON.stringify(events)}`)
}

test('a cut at any frame boundary loses nothing, repeats nothing and runs nothing twice', async (t) => {
  const { url } = await build(t)
  const proxy = await startProxy(t, url)
  const observer = await connect(t, url)
  let cuts = 0
  for (let cutAfter = 0; ; cutAfter++) {
    const session = `cli:cut-${cutAfter}`
    const gateway = clientFor(t, proxy.url)
    proxy.rules.push({ cutAfter })
    const before = proxy.connections
    const followedRun = followed(gateway, session, 1)
    const run = gateway.session(session).send(MESSAGE)
    const [events, overheard, { content }] = await Promise.all([collect(run), followedRun, run])
    assertWhole(events)
    assert.equal(assertWhole(overheard), 1)
    assert.equal(textOf(events), content)
    const { history } = await observer.call('sessions.get', { sessionId: session })
    assert.equal(history.filter(({ role }: { role: string }) => role === 'user').length, 1)
    await gateway.close()
    proxy.rules.length = 0
    if (proxy.connections - before === 1) break
    cuts++
  }
  assert.ok(cuts > 10, `${cuts} boundaries`)
})

function textOf(events: readonly { readonly event: string; readonly data: unknown }[]): string {
  return events.map(({ event, data }) => (event === 'content' ? (data as { text: string }).text : '')).join('')
}

test('whatever is cut, each message has one outcome and its events once', async (t) => {
  const { url } = await build(t)
  const proxy = await startProxy(t, url)
  const observer = await connect(t, url)
  let rounds = 0
  const mode = fc.constantFrom(undefined, 'followup', 'collect', 'steer', 'steer_backlog', 'interrupt' as const)
  const property = fc.asyncProperty(
    fc.array(fc.record({ mode, lines: fc.integer({ min: 1, max: 3 }) }), { minLength: 1, maxLength: 4 }),
    fc.array(fc.oneof(fc.integer({ min: 0, max: 40 })), { maxLength: 12 }),
    async (messages, cuts) => {
      const sessionId = `cli:round-${++rounds}`
      const gateway = clientFor(t, proxy.url)
      proxy.rules.push(...cuts.map((cutAfter) => ({ cutAfter })))
      const overheard: SessionEvent[] = []
      const events = gateway.session(sessionId).follow()
      const following = (async () => {
        for await (const event of events) overheard.push(event)
      })()
      const runs = messages.map(({ mode, lines }, index) => {
        const text = `${'/tool memory.list {}\n'.repeat(lines)}say ${index} ${'word '.repeat(lines * 5)}`
        return gateway.session(sessionId).send(text, mode === undefined ? {} : { queueMode: mode })
      })
      const outcomes = await Promise.allSettled(runs)
      for (const [index, run] of runs.entries()) await assertOutcome(run, outcomes[index]!)
      const answered = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value.runId] : []))
      while (!haveEnded(overheard, answered)) await new Promise((resolve) => setImmediate(resolve))
      await gateway.close()
      await following
      assertWhole(overheard)
      const { history } = await observer.call('sessions.get', { sessionId })
      const asked = history
        .filter(({ role }: { role: string }) => role === 'user')
        .map(({ content }: { content: string }) => content)
      for (const [index, { mode }] of messages.entries()) {
        // The mode says it: one that is steered, and queued as well.
        const times = asked.filter((text: string) => text.includes(`say ${index} `)).length
        assert.ok(times <= (mode === 'steer_backlog' ? 2 : 1), JSON.stringify(asked))
      }
      proxy.rules.length = 0
    }
  )
  await fc.assert(property, { numRuns: RUNS, ...(RUNS > QUICK ? {} : { seed: 7 }) })
})

/** True once these runs, and all others that began, have ended. */
function haveEnded(events: readonly SessionEvent[], runIds: readonly string[]): boolean {
  const begun = new Set([...runIds, ...events.flatMap(({ runId }) => runId ?? [])])
  for (const { event, runId } of events) if (event === 'done' || event === 'error') begun.delete(runId!)
  return begun.size === 0
}

/** Checks that the promise and the events of a message agree. */
async function assertOutcome(run: Run, outcome: PromiseSettledResult<Awaited<Run>>): Promise<void> {
  const events: { event: string; data: unknown; seq?: number | undefined; runId?: string | undefined }[] = []
  try {
    for await (const event of run) events.push(event)
    assert.equal(outcome.status, 'fulfilled')
  } catch (error) {
    assert.equal(outcome.status, 'rejected')
    if (outcome.status === 'rejected') assert.equal(error, outcome.reason)
  }
  if (outcome.status === 'rejected') return
  assert.equal(events.at(-1)?.event, 'done', JSON.stringify(events))
  const { queue, content, runId } = outcome.value
  const own = events.filter((event) => event.runId === runId)
  if (queue?.outcome === 'completed' && !queue.backlog)
    assert.equal(textOf(own.filter(({ data }) => !(data as { transient?: boolean }).transient)), content)
  const seqs = own.map(({ seq }) => seq!)
  assert.deepEqual(
    seqs,
    [...seqs].sort((a, b) => a - b)
  )
}
