/**
 * What a lane costs: enqueue → run → done with a run that does nothing, in memory, beside a plain promise chain, which is FIFO
 * and nothing else (no cap, no cancel, no timeout, no fairness). Run it with `node bench/lanes.ts`.
 */
import { Lanes } from '../lanes/lanes.ts'

const ITEMS = 400_000
/** Items in flight at the same time, spread over the lanes. */
const WINDOW = 1_000

const clock = {
  now: Date.now,
  after(ms: number, fn: () => void) {
    const timer = setTimeout(fn, ms)
    return () => clearTimeout(timer)
  }
}

async function measure(name: string, submit: (item: number) => Promise<unknown>): Promise<void> {
  const started = performance.now()
  for (let first = 0; first < ITEMS; first += WINDOW) {
    await Promise.all(Array.from({ length: WINDOW }, (_, offset) => submit(first + offset)))
  }
  const seconds = (performance.now() - started) / 1000
  process.stdout.write(
    `${name.padEnd(32)} ${Math.round(ITEMS / seconds)
      .toLocaleString('en')
      .padStart(10)} items/s\n`
  )
}

for (const count of [1, 100, 1_000]) {
  const chains = new Map<number, Promise<void>>()
  await measure(`promise chain, ${count} lanes`, (item) => {
    const chain = (chains.get(item % count) ?? Promise.resolve()).then(() => {})
    chains.set(item % count, chain)
    return chain
  })

  const lanes = new Lanes({ clock, maxConcurrentRuns: 32, runTimeoutMs: 600_000, abandonAfterMs: 5_000 })
  const work = { owner: 'bench', async run() {} }
  await measure(`Lanes, ${count} lanes`, (item) => lanes.enqueue(`bench:${item % count}`, work).settled)
}
