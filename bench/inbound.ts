/**
 * Load of 100 signed webhooks a second for 30 s, each to its own session: time to acknowledge, effect on the round trips of a socket, and one run
 * for each in the end. Run it with `node bench/inbound.ts`.
 */
import { spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'

const RATE = 100
const SECONDS = 30
const SECRET = 'bench'

const folder = await mkdtemp(path.join(tmpdir(), 'flynn-bench-'))
await writeFile(
  path.join(folder, 'flynn.yaml'),
  `webhooks: { bench: { secret: ${SECRET}, signature: hex, session: "bench:{{body.n}}", template: "say {{body.n}}" } }\n`
)
const program = fileURLToPath(new URL('../server.ts', import.meta.url))
const child = spawn(process.execPath, [program, '--port', '0'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
let url = ''
for await (const line of createInterface(child.stdout)) {
  const found = /Flynn gateway on (\S+),/.exec(line)?.[1]
  if (found === undefined) continue
  url = found
  break
}
child.stdout.resume()
const socket = new WebSocket(url.replace('http', 'ws'))
await once(socket, 'open')

let id = 0
const asked = new Map<unknown, (frame: Record<string, unknown>) => void>()
socket.on('message', (data) => {
  const frame = JSON.parse(String(data)) as Record<string, unknown>
  // Its events come first.
  if ('event' in frame) return
  asked.get(frame.id)?.(frame)
  asked.delete(frame.id)
})

async function ask(method: string, params: object): Promise<Record<string, unknown>> {
  socket.send(JSON.stringify({ id: ++id, method, params }))
  return await new Promise((resolve) => asked.set(id, resolve))
}

/** One request after the other, until told to stop. Answers how long each took. */
function roundTrips(): { stop(): Promise<number[]> } {
  let going = true
  const took: number[] = []
  const done = (async () => {
    while (going) {
      const from = performance.now()
      await ask('system.info', {})
      took.push(performance.now() - from)
      await sleep(5)
    }
  })()
  return {
    async stop() {
      going = false
      await done
      return took
    }
  }
}

async function hook(n: number): Promise<number> {
  const body = JSON.stringify({ n })
  const from = performance.now()
  const signature = createHmac('sha256', SECRET).update(body).digest('hex')
  const { status } = await fetch(`${url}/webhooks/bench`, { method: 'POST', body, headers: { 'x-signature': signature } })
  if (status !== 202) throw new Error(`webhook ${n} was answered ${status}`)
  return performance.now() - from
}

const told = (name: string, took: number[]): void => {
  const sorted = took.toSorted((one, other) => one - other)
  const at = (part: number): string => `${sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!.toFixed(1)} ms`
  process.stdout.write(`${name}: ${took.length}, median ${at(0.5)}, 99 % ${at(0.99)}, longest ${at(1)}\n`)
}

const quiet = roundTrips()
await sleep(5000)
told('round trips of a socket, alone', await quiet.stop())

const loaded = roundTrips()
const hooks: Promise<number>[] = []
const start = performance.now()
for (let n = 0; n < RATE * SECONDS; n++) {
  await sleep(Math.max(0, start + (n * 1000) / RATE - performance.now()))
  hooks.push(hook(n))
}
told('webhooks, until acknowledged', await Promise.all(hooks))
told('round trips of a socket during the load', await loaded.stop())

let answered = 0
for (let n = 0; n < RATE * SECONDS; n++) {
  const { result } = (await ask('sessions.resume', { sessionId: `bench:${n}` })) as { result?: { content?: string } }
  if (result?.content === String(n)) answered++
}
process.stdout.write(`answered: ${answered} of ${RATE * SECONDS}\n`)
socket.close()
child.kill()
await once(child, 'exit')
await rm(folder, { recursive: true })
