import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { type ClientOptions, GatewayClient } from '../../../rpc/client/index.ts'
import type { ModelServer } from '../../model-server.ts'

/** A client that connects at once, with hardly any pause between its attempts; closed with the test. */
export function clientFor(t: Pick<TestContext, 'after'>, url: string, options: Omit<ClientOptions, 'url'> = {}): GatewayClient {
  const gateway = new GatewayClient({ autoConnect: true, clock: eagerClock, ...options, url })
  t.after(() => gateway.close())
  return gateway
}

/** The machine's clock, with the least jitter: the first attempts after a break come at once. */
export const eagerClock = {
  now: () => Date.now(),
  random: () => 0,
  setTimeout: (run: () => void, ms: number): unknown => setTimeout(run, ms),
  clearTimeout: (timer: unknown): void => clearTimeout(timer as NodeJS.Timeout)
}

export async function collect<T>(events: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const event of events) all.push(event)
  return all
}

/** Configuration that has a model server answer. */
export function modelAt({ baseUrl }: ModelServer) {
  return { models: { default: { openai_compatible: { base_url: baseUrl, model: 'test', context_window: 100_000 } } } }
}

interface Numbered {
  readonly event: string
  readonly seq?: number | undefined
  readonly fromSeq?: number | undefined
  readonly runId?: string | undefined
}

/** Throws unless the events of each run are there once, in order, without a gap, from the first to its last. Answers how many there were. */
export function assertWhole(events: readonly Numbered[], { first = 1 }: { first?: number | undefined } = {}): number {
  const runs = new Map<string, { seq: number; ended: boolean }>()
  // Written only where it fails: there may be thousands.
  const fail = (problem: string): never => assert.fail(`${problem}: ${JSON.stringify(events)}`)
  for (const { event, runId, seq, fromSeq = seq } of events) {
    if (event === 'gap') fail('a gap')
    if (runId === undefined || seq === undefined) continue
    const run = runs.get(runId) ?? { seq: first - 1, ended: false }
    if (fromSeq !== run.seq + 1) fail(`${fromSeq} comes after ${run.seq} of run ${runId}`)
    if (run.ended) fail(`${seq} comes after the end of run ${runId}`)
    runs.set(runId, { seq, ended: event === 'done' || event === 'error' })
  }
  for (const [runId, { ended }] of runs) if (!ended) fail(`run ${runId} has no end`)
  return runs.size
}
