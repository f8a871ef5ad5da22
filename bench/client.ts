// CPU time that the client SDK spends on one event of a run: node bench/client.ts [events]
import { GatewayClient } from '../rpc/client/index.ts'
import type { SocketLike } from '../rpc/client/socket.ts'

const EVENTS = Number(process.argv[2] ?? 20_000)
const ROUNDS = 10

/** Frames as they come over a socket, made before anything is measured. */
const frames = Array.from({ length: EVENTS }, (_, index) => {
  const data = { text: `word ${index} ` }
  return JSON.stringify({
    id: 2,
    event: 'content',
    data,
    sessionId: 'cli:me',
    runId: '0b6f2a1c-5d0e-4c1f-9f43-6a3f5f0f2b11',
    seq: index + 1
  })
})

/** A socket that delivers what the bench says. */
class Socket implements SocketLike {
  static last: Socket
  onopen: ((event: never) => void) | null = null
  onmessage: ((event: never) => void) | null = null
  onclose: ((event: never) => void) | null = null
  onerror: ((event: never) => void) | null = null

  constructor() {
    Socket.last = this
    setImmediate(() => this.onopen?.({} as never))
  }

  send(text: string): void {
    const { id, method } = JSON.parse(text) as { id: number; method: string }
    if (method === 'system.hello') setImmediate(() => this.receive(JSON.stringify({ id, result: { events: [] } })))
  }

  receive(data: string): void {
    this.onmessage?.({ data } as never)
  }

  close(): void {}
}

/** Microseconds of CPU an event, with someone who reads every event as it comes. */
async function round(): Promise<number> {
  const gateway = new GatewayClient({ url: 'ws://bench', WebSocket: Socket, autoConnect: true })
  await gateway.ready
  const run = gateway.session('cli:me').send('go')
  let seen = 0
  const reading = (async () => {
    for await (const _ of run) seen++
  })()
  const before = process.cpuUsage()
  for (let index = 0; index < EVENTS; index++) {
    Socket.last.receive(frames[index]!)
    // A socket delivers some frames in each turn of the event loop.
    if (index % 16 === 15) await new Promise(setImmediate)
  }
  const { user, system } = process.cpuUsage(before)
  const content = ''
  Socket.last.receive(
    JSON.stringify({
      id: 2,
      result: { sessionId: 'cli:me', runId: 'r', content, response: content, usage: { inputTokens: 0, outputTokens: 0 } }
    })
  )
  await reading
  if (seen < EVENTS) throw new Error(`only ${seen} of ${EVENTS} events were read`)
  await gateway.close()
  return (user + system) / EVENTS
}

/** Cost of reading the frames alone. */
function parsing(): number {
  const before = process.cpuUsage()
  for (const frame of frames) JSON.parse(frame)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / EVENTS
}

const rounds: number[] = []
for (let index = 0; index < ROUNDS; index++) rounds.push(await round())
rounds.sort((a, b) => a - b)
const parse = Array.from({ length: ROUNDS }, parsing).sort((a, b) => a - b)
process.stdout.write(
  `client: ${rounds[ROUNDS / 2]!.toFixed(2)} µs of CPU an event of ${EVENTS} (best ${rounds[0]!.toFixed(2)}); JSON.parse alone ${parse[ROUNDS / 2]!.toFixed(2)}\n`
)
