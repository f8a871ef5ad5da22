import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { LoadClient } from './load.ts'

/**
 * One answer of a model as it streams to its requester and to others who follow the session, the gateway beside a bare `ws` relay of the
 * same model; and the memory of a gateway after its start and after long answers. Model, relay and gateway are processes of their own;
 * rounds alternate, the median counts. The clients count frames by their headers, so that they do not hide the cost of the server.
 */
const ROUNDS = 5
const CHUNKS = 20_000
const MB = 1024 * 1024

const print = (line: string): void => void process.stdout.write(`${line}\n`)
const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

async function serve(file: string, env: Readonly<Record<string, string>> = {}): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), { env: { ...process.env, ...env } })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return { child, port }
}

/** Events a second that all watchers together receive of one answer, and the processor time of the server for a chunk, in µs. */
async function stream({ port, child }: { port: number; child: ChildProcess }, watchers: number, chunks: number) {
  const session = `bench:${Math.random()}`
  const request = (id: number, method: string, params: object) =>
    JSON.stringify({ id, method, params: { sessionId: session, ...params } })
  const others = await Promise.all(
    Array.from({ length: watchers - 1 }, (_, n) => LoadClient.open(port, [request(n + 2, 'sessions.subscribe', {})]))
  )
  const requester = await LoadClient.open(port, [request(1, 'agent.send', { message: `say ${chunks} words` })])
  await Promise.all(others.map((client) => client.follow(1)))
  const all = others.map((client) => client.listen(chunks + 1))
  const cpu = await usage(child)
  const start = performance.now()
  await Promise.all([requester.follow(chunks + 1), ...all])
  const seconds = (performance.now() - start) / 1000
  const spent = (await usage(child)) - cpu
  for (const client of [requester, ...others]) client.close()
  return { rate: (chunks * watchers) / seconds, cost: spent / chunks }
}

/** Processor time of a server in µs. */
async function usage(child: ChildProcess): Promise<number> {
  child.send('cpu')
  const [{ cpu }] = (await once(child, 'message')) as [{ cpu: number }]
  return cpu
}

async function rss(child: ChildProcess): Promise<number> {
  child.send('rss')
  const [answer] = (await once(child, 'message')) as [{ rss: number }]
  return answer.rss / MB
}

const model = await serve('./model.ts')
const env = { MODEL_URL: `http://127.0.0.1:${model.port}/v1` }

for (const [watchers, chunks, wanted] of [
  [1, CHUNKS, 0.8],
  [10, CHUNKS / 2, 2],
  [100, CHUNKS / 10, 10]
] as const) {
  const servers = { relay: await serve('./relay.ts', env), gateway: await serve('./gateway.ts', env) }
  const rates = { relay: [] as number[], gateway: [] as number[] }
  const costs = { relay: [] as number[], gateway: [] as number[] }
  // One round more: nothing is compiled in the first.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const name of ['relay', 'gateway'] as const) {
      const { rate, cost } = await stream(servers[name], watchers, chunks)
      if (round === 0) continue
      rates[name].push(rate)
      costs[name].push(cost)
    }
  }
  for (const { child } of Object.values(servers)) child.kill()
  const [relay, gateway] = [median(rates.relay), median(rates.gateway)]
  const each = (name: 'relay' | 'gateway') =>
    `${(median(rates[name]) / 1000).toFixed(0)}k events/s, ${median(costs[name]).toFixed(1)} µs a chunk`
  print(
    `${watchers} watchers: bare relay ${each('relay')}; gateway ${each('gateway')}; ${(gateway / relay).toFixed(2)} × (wanted: ${wanted} ×)`
  )
}

const gateway = await serve('./gateway.ts', env)
print(`idle memory after the start: ${(await rss(gateway.child)).toFixed(0)} MB (wanted: 130 at most)`)
for (let run = 0; run < 6; run++) await stream(gateway, 1, CHUNKS)
print(`after 6 runs of ${CHUNKS} chunks: ${(await rss(gateway.child)).toFixed(0)} MB (wanted: 250 at most)`)
gateway.child.kill()
model.child.kill()
