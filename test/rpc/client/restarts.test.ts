import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { RpcError, type Run, type StreamEvent } from '../../../rpc/client/index.ts'
import { build, connect, scratch } from '../../helper.ts'
import { rounds } from '../../rounds.ts'
import { clientFor } from './fixtures.ts'
import { startProxy } from './proxy.ts'

/** Random inputs of the property. More than these are other ones each time. */
const QUICK = 4
const RUNS = rounds(QUICK)

/** Events of a run until its end, whatever that is. */
async function eventsOf(run: Run): Promise<StreamEvent[]> {
  const events: StreamEvent[] = []
  try {
    for await (const event of run) events.push(event)
  } catch {
    // The promise of the run tells the same.
  }
  return events
}

test('over restarts and cuts each message has one outcome, runs once, and tells no event twice', async (t) => {
  const property = fc.asyncProperty(
    fc.array(fc.nat(3), { minLength: 2, maxLength: 12 }),
    fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 6 }),
    fc.array(fc.nat(11), { minLength: 1, maxLength: 2 }),
    async (sessions, cuts, restarts) => {
      const config = { dataDir: await scratch(t), server: { shutdown_grace_seconds: 0 } }
      let server = await build(t, { config })
      const proxy = await startProxy(t, server.url)
      proxy.rules.push(...cuts.map((cutAfter) => ({ cutAfter })))
      const gateway = clientFor(t, proxy.url)
      const runs = sessions.map((session, index) =>
        gateway.session(`cli:${session}`).send(`say ${index} ${'and so on '.repeat(20)}`)
      )
      for (const place of restarts) {
        await runs[place % runs.length]!.accepted.catch(() => {})
        await server.host.close()
        server = await build(t, { config })
        proxy.target = server.url.replace('http', 'ws')
      }
      const outcomes = await Promise.allSettled(runs)
      for (const [index, run] of runs.entries()) {
        const events = await eventsOf(run)
        const whole = events.every(({ event }) => event !== 'gap')
        const seqs = events.flatMap(({ seq, runId }) => (seq === undefined || runId !== run.runId ? [] : [seq]))
        assert.deepEqual(
          seqs,
          [...new Set(seqs)].sort((a, b) => a - b)
        )
        const outcome = outcomes[index]!
        if (outcome.status === 'rejected') {
          // Cut off or refused by the shutdown: the client learns of both, and neither runs again.
          assert.ok(outcome.reason instanceof RpcError && [3, 5].includes(outcome.reason.code), String(outcome.reason))
          continue
        }
        const text = events.map((event) => (event.event === 'content' ? event.data.text : '')).join('')
        if (whole) assert.equal(text, outcome.value.content)
        else assert.ok(outcome.value.content.startsWith(text))
      }
      const observer = await connect(t, server.url)
      for (const session of new Set(sessions)) {
        const { history } = await observer.call('sessions.get', { sessionId: `cli:${session}` })
        const asked = history
          .filter(({ role }: { role: string }) => role === 'user')
          .map(({ content }: { content: string }) => content)
        assert.equal(new Set(asked).size, asked.length, JSON.stringify(asked))
      }
      await gateway.close()
      await server.host.close()
    }
  )
  await fc.assert(property, { numRuns: RUNS, ...(RUNS > QUICK ? {} : { seed: 5 }) })
})
