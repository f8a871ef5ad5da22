/**
 * Cost of a lane: a message is sent, runs and is done, with an empty run. Beside the lanes: a promise chain for each
 * lane, which is first in, first out and nothing else, and p-queue with one at a time for each lane, which adds a queue to it. Neither
 * knows modes, caps, owners, a cap over all lanes, steering or a restart. Last, the lanes of the gateway, which store messages in SQLite
 * before they run and outcomes before they are reported. Run it with `node bench/lanes.ts`.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import PQueue from 'p-queue'
import { v7 as uuid } from 'uuid'
import { open } from '../db/client.ts'
import { systemClock } from '../lanes/clock.ts'
import { Lanes } from '../lanes/lanes.ts'
import { MemoryDriver } from '../lanes/memory.ts'
import type { LaneMessage } from '../lanes/message.ts'
import { Hooks } from '../plugins/hooks/hooks.ts'
import { GatewayLanes } from '../plugins/lanes/index.ts'
import { Policies } from '../plugins/lanes/policies.ts'

/** Queue under test: takes messages for lanes and reports when they are done. */
interface Contestant {
  readonly name: string
  /** Share of the messages of a round: a disk is slower. */
  readonly share?: number
  /** Sends `count` messages and waits for the end of all. */
  run(messages: number): Promise<void>
}

/** Number of lanes, and of messages that wait or run at any time. */
interface Load {
  readonly lanes: number
  readonly inFlight: number
}

const LOADS: Load[] = [
  { lanes: 1, inFlight: 100 },
  { lanes: 1, inFlight: 9_000 },
  { lanes: 100, inFlight: 1_000 },
  { lanes: 1_000, inFlight: 1_000 }
]
const MESSAGES = 90_000
/** Each in turn, so that what else the machine does hits all alike; the middle one counts. */
const ROUNDS = 5

/** Steps of a run without tools. */
const CALL = { kind: 'model', name: 'model', provider: 'provider', status: 'completed', reason: 'stop' } as const
const STEPS = {
  list: [{ ...CALL, startedAt: Date.now(), endedAt: Date.now(), inputTokens: 1000, outputTokens: 100 }],
  omitted: 0
}

/** Sends `messages` with `submit`, in waves of `inFlight`. */
async function waves(messages: number, { inFlight, lanes }: Load, submit: (lane: number, index: number) => Promise<unknown>) {
  for (let first = 0; first < messages; first += inFlight) {
    const size = Math.min(inFlight, messages - first)
    await Promise.all(Array.from({ length: size }, (_, offset) => submit((first + offset) % lanes, first + offset)))
  }
}

function promiseChain(load: Load): Contestant {
  const chains = new Map<number, Promise<void>>()
  return {
    name: 'promise chain',
    run: (messages) =>
      waves(messages, load, (lane) => {
        const chain = (chains.get(lane) ?? Promise.resolve()).then(() => {})
        chains.set(lane, chain)
        return chain
      })
  }
}

function pQueue(load: Load): Contestant {
  const queues = Array.from({ length: load.lanes }, () => new PQueue({ concurrency: 1 }))
  return { name: 'p-queue', run: (messages) => waves(messages, load, (lane) => queues[lane]!.add(() => {})) }
}

function inMemory(load: Load): Contestant {
  const lanes = new Lanes<null, void>({
    clock: systemClock,
    driver: new MemoryDriver(),
    maxConcurrentRuns: 32,
    runTimeoutMs: 600_000,
    abandonAfterMs: 5_000,
    run() {}
  })
  const policy = { mode: 'followup', cap: load.inFlight, overflow: 'drop_new', debounceMs: 250, summarizeOverflow: true } as const
  let sent = 0
  const message = (): LaneMessage<null> => {
    return { id: `${sent++}`, owner: 'bench', priority: 'person', policy, payload: null, acceptedAt: 0 }
  }
  const submit = async (lane: number): Promise<void> => {
    const { settled } = await lanes.send(`lane ${lane}`, message())
    await settled
  }
  return { name: 'lanes, in memory', run: (messages) => waves(messages, load, submit) }
}

const folder = await mkdtemp(path.join(tmpdir(), 'flynn-bench-'))
const db = await open({ file: path.join(folder, 'flynn.db') })

function durable(load: Load): Contestant {
  const policy = { mode: 'followup', cap: load.inFlight, overflow: 'drop_new', debounceMs: 250, summarizeOverflow: true } as const
  const lanes = new GatewayLanes({
    clock: systemClock,
    hooks: new Hooks({ error() {} }),
    db,
    policies: new Policies({ config: { default: policy, channels: {} }, db }),
    recovery: 'abandon',
    maxConcurrentRuns: 32,
    runTimeoutMs: 600_000,
    abandonAfterMs: 5_000
  })
  const told = new Map<string, () => void>()
  const answers = lanes.setHandler({
    async run() {},
    record: (ends, runId) => ({
      ends: ends.map(({ message: { id } }) => ({ id, state: 'completed', outcome: null })),
      ...(runId === undefined ? {} : { run: { id: runId, status: 'completed', endedAt: Date.now(), steps: STEPS } })
    }),
    settled(_laneId, { id }) {
      told.get(id)?.()
      told.delete(id)
    },
    async cutOff() {},
    edited: (body) => body,
    preempted() {}
  })
  const submit = async (lane: number): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const id = uuid()
    told.set(id, resolve)
    const payload = { kind: 'message', preview: 'hello' } as const
    const message = { id, owner: 'bench', priority: 'person', policy, payload, acceptedAt: Date.now() } as const
    await lanes.accept(`bench:${lane}`, message, { data: { message: 'hello', attachments: [] } })
    await promise
  }
  return {
    name: 'lanes, in SQLite',
    share: 0.2,
    async run(messages) {
      await answers
      await waves(messages, load, submit)
    }
  }
}

const contestants: ((load: Load) => Contestant)[] = [promiseChain, pQueue, inMemory, durable]

for (const load of LOADS) {
  const rates = new Map<string, number[]>()
  for (let round = 0; round <= ROUNDS; round++) {
    for (const enter of contestants) {
      const { name, share = 1, run } = enter(load)
      const started = performance.now()
      await run(MESSAGES * share)
      const rate = (MESSAGES * share) / ((performance.now() - started) / 1000)
      // The first round warms up.
      if (round > 0) rates.set(name, [...(rates.get(name) ?? []), rate])
    }
  }
  process.stdout.write(`${load.lanes} lanes, ${load.inFlight} messages in flight\n`)
  for (const [name, all] of rates) {
    const middle = Math.round(all.toSorted((one, other) => one - other)[ROUNDS >> 1]!)
    process.stdout.write(`  ${name.padEnd(20)} ${middle.toLocaleString('en').padStart(12)} messages/s\n`)
  }
}

await db.close()
await rm(folder, { recursive: true })
