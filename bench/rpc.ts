import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { LoadClient } from './load.ts'

/**
 * `system.info` over the socket, the gateway beside a bare `ws` server that answers the same JSON: many connections with
 * many requests in flight, one request at a time, the memory of idle connections; and how long a start takes.
 * The servers run in processes of their own; rounds alternate, the median counts.
 */
const ROUNDS = 5
const requests = Array.from({ length: 16 }, (_, n) => JSON.stringify({ id: n + 1, method: 'system.info' }))

const print = (line: string): void => void process.stdout.write(`${line}\n`)
const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

async function serve(file: string): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), { execArgv: ['--expose-gc'] })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return { child, port }
}

/** After the garbage is gone, which takes more than one collection. */
async function rss(child: ChildProcess): Promise<number> {
  let bytes = 0
  for (let round = 0; round < 3; round++) {
    child.send('rss')
    const [answer] = (await once(child, 'message')) as [{ rss: number }]
    bytes = answer.rss
    await setTimeout(200)
  }
  return bytes
}

/** Answers a second. */
async function throughput(port: number, connections: number, inFlight: number, each: number): Promise<number> {
  const clients = await Promise.all(Array.from({ length: connections }, () => LoadClient.open(port, requests)))
  const start = performance.now()
  await Promise.all(clients.map((client) => client.run(each, inFlight)))
  const seconds = (performance.now() - start) / 1000
  for (const client of clients) client.close()
  return (connections * each) / seconds
}

/** Megabytes a thousand idle connections cost. */
async function idle(file: string): Promise<number> {
  const { child, port } = await serve(file)
  const clients: LoadClient[] = []
  const open = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += 100) {
      clients.push(...(await Promise.all(Array.from({ length: 100 }, () => LoadClient.open(port, requests)))))
    }
  }
  // Handshakes make garbage, for which a process sets memory aside once: that is not what an idle connection costs.
  await open(1000)
  for (const client of clients.splice(0)) client.close()
  const before = await rss(child)
  await open(5000)
  const after = await rss(child)
  for (const client of clients) client.close()
  child.kill()
  return (after - before) / 5 / 1024 / 1024
}

/** Milliseconds from the start of the process to the first good answer of `/ready`. */
async function start(): Promise<number> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'flynn-bench-'))
  const began = performance.now()
  const child = spawn(process.execPath, [fileURLToPath(new URL('../server.ts', import.meta.url)), '--port', '0'], {
    env: { PATH: process.env.PATH, FLYNN_DATA_DIR: dataDir },
    cwd: dataDir,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  for await (const line of createInterface(child.stdout)) {
    const url = /Flynn gateway on (http:[^,]+)/.exec(line)?.[1]
    if (url === undefined) continue
    if (!(await fetch(`${url}/ready`)).ok) throw new Error('the gateway listens and is not ready')
    break
  }
  const took = performance.now() - began
  child.kill()
  await once(child, 'exit')
  await rm(dataDir, { recursive: true })
  return took
}

async function compare(name: string, bound: number, connections: number, inFlight: number, each: number): Promise<void> {
  const bare = await serve('./bare.ts')
  const gateway = await serve('./gateway.ts')
  const figures = { bare: [] as number[], gateway: [] as number[] }
  for (const server of [bare, gateway]) await throughput(server.port, connections, inFlight, Math.ceil(each / 4))
  for (let round = 0; round < ROUNDS; round++) {
    figures.bare.push(await throughput(bare.port, connections, inFlight, each))
    figures.gateway.push(await throughput(gateway.port, connections, inFlight, each))
  }
  bare.child.kill()
  gateway.child.kill()
  const [one, other] = [median(figures.bare), median(figures.gateway)]
  const ratio = other / one
  print(`${name}: bare ws ${one.toFixed(0)}/s, gateway ${other.toFixed(0)}/s, ${ratio.toFixed(2)} × (wanted: ${bound} ×)`)
}

await compare('50 connections × 16 in flight', 1.3, 50, 16, 8000)
await compare('one request at a time', 0.75, 1, 1, 30_000)
print(
  `5000 idle connections, MB a thousand: bare ws ${(await idle('./bare.ts')).toFixed(1)}, gateway ${(await idle('./gateway.ts')).toFixed(1)} (wanted: 14 at most)`
)
const starts: number[] = []
for (let round = 0; round < ROUNDS; round++) starts.push(await start())
print(`process start to ready: ${median(starts).toFixed(0)} ms (wanted: under 1500)`)
process.exit()
