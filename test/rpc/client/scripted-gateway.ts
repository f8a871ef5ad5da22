import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { type WebSocket, WebSocketServer } from 'ws'

interface Request {
  readonly id: number
  readonly method: string
  readonly params?: Record<string, unknown>
}

/** A gateway that does what a test says, on a real socket. */
export class ScriptedGateway {
  readonly sockets: WebSocket[] = []
  /** Subprotocols of each handshake. */
  readonly offered: string[] = []
  /** Requests of `system.hello`, in order. */
  readonly hellos: Request[] = []
  /** All other requests, in order. */
  readonly requests: Request[] = []
  /** Answers `system.hello` by itself, as a gateway that accepts everyone. */
  welcoming = true
  /** Called with each new socket instead of waiting for requests. */
  greet: ((socket: WebSocket) => void) | undefined
  readonly #server: WebSocketServer
  #wake: () => void = () => {}

  constructor(server: WebSocketServer) {
    this.#server = server
    server.on('connection', (socket, request) => {
      this.sockets.push(socket)
      this.offered.push(String(request.headers['sec-websocket-protocol']))
      socket.on('error', () => {})
      socket.on('message', (data) => {
        const frame = JSON.parse(String(data)) as Request
        const hello = frame.method === 'system.hello'
        ;(hello ? this.hellos : this.requests).push(frame)
        if (hello && this.welcoming) this.welcome(frame)
        this.#wake()
      })
      this.greet?.(socket)
      this.#wake()
    })
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`
  }

  /** Answers `system.hello`. */
  welcome({ id, params }: Request): void {
    this.send({ id, result: { ...HELLO, events: params?.events } })
  }

  /** Sends a frame over the newest socket. */
  send(frame: unknown): void {
    this.sockets.at(-1)?.send(JSON.stringify(frame))
  }

  /** The newest request of this method, once it has come. */
  async request(method: string, nth = 1): Promise<Request> {
    const found = (): Request | undefined => this.requests.filter((request) => request.method === method)[nth - 1]
    await this.until(() => found() !== undefined)
    return found()!
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

const HELLO = {
  protocol: { version: 1 },
  version: '1.2.3',
  connectionId: 'c',
  sessionId: 'ws:c',
  principal: 'local',
  scopes: ['read'],
  events: []
}

export async function startScripted(t: TestContext): Promise<ScriptedGateway> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'flynn.v1', maxPayload: 64 * 1024 })
  t.after(() => {
    for (const socket of server.clients) socket.terminate()
    server.close()
  })
  await once(server, 'listening')
  return new ScriptedGateway(server)
}

/** Time that stands still until a test moves it. */
export class FakeClock {
  time = 1_000_000
  readonly timers = new Map<number, { readonly at: number; readonly run: () => void }>()
  #id = 0
  random: () => number = () => 0.5

  now = (): number => this.time
  setTimeout = (run: () => void, ms: number): number => {
    this.timers.set(++this.#id, { at: this.time + ms, run })
    return this.#id
  }
  clearTimeout = (id: unknown): void => void this.timers.delete(id as number)

  /** Moves the time and runs what is due, each timer at its own time. */
  advance(ms: number): void {
    const end = this.time + ms
    for (;;) {
      const due = [...this.timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0]
      if (!due) break
      this.timers.delete(due[0])
      this.time = Math.max(this.time, due[1].at)
      due[1].run()
    }
    this.time = end
  }

  /** The machine sleeps: time passes, and only then the timers that were due run, all at once. */
  sleep(ms: number): void {
    this.time += ms
    for (const [id, { at, run }] of [...this.timers]) {
      if (at > this.time || !this.timers.delete(id)) continue
      run()
    }
  }
}
