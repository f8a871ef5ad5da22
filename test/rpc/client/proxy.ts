import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { type RawData, WebSocket, WebSocketServer } from 'ws'

/** Direction of a frame: `up` to the gateway, `down` to the client. */
export type Direction = 'up' | 'down'

export interface Rule {
  /** Cuts both sockets before (`0`) or after this many frames of this connection, both directions together. */
  readonly cutAfter?: number
  /** Both sockets are gone for the network, and neither end hears of it: nothing passes any more. */
  readonly silentAfter?: number
  /** Closes the client's socket with this code instead, and the gateway's with 1000. */
  readonly code?: number
}

interface Link {
  readonly client: WebSocket
  readonly gateway: WebSocket
  frames: number
  silent: boolean
}

/** Stands between a client and a gateway and breaks their connections where a test wants it: at the boundary of any frame. */
export class FaultyProxy {
  /** Faults of the next connections, in order. Later ones have none. */
  readonly rules: Rule[] = []
  /** Every frame that passed, in order. */
  readonly frames: { readonly direction: Direction; readonly text: string }[] = []
  /** Opened connections so far. */
  connections = 0
  /** Refuses handshakes. */
  refusing = false
  /** Address of the gateway; another one after its restart. */
  target: string
  /** Runs before a frame passes; a promise holds it and what comes after it. */
  gate: ((direction: Direction, text: string) => unknown) | undefined
  readonly #server: WebSocketServer
  readonly #links = new Set<Link>()

  constructor(server: WebSocketServer, target: string) {
    this.#server = server
    this.target = target
    server.options.verifyClient = () => !this.refusing
    server.on('connection', (client, request) => this.#connect(client, request.headers['sec-websocket-protocol']))
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Cuts every connection without a close frame. */
  cut(): void {
    for (const link of this.#links) end(link)
  }

  /** Nothing passes any more over the present connections, and neither end hears of it. */
  silence(): void {
    for (const link of this.#links) link.silent = true
  }

  /** Closes the clients' sockets with this code. */
  close(code: number, reason = ''): void {
    for (const { client } of this.#links) client.close(code, reason)
  }

  async end(): Promise<void> {
    this.cut()
    for (const client of this.#server.clients) client.terminate()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #connect(client: WebSocket, protocols: string | undefined): void {
    this.connections++
    const rule = this.rules.shift() ?? {}
    const gateway = new WebSocket(this.target, protocols?.split(',').map((name) => name.trim()) ?? [])
    const link: Link = { client, gateway, frames: 0, silent: false }
    this.#links.add(link)
    const opened = once(gateway, 'open').catch(() => end(link))
    client.on('error', () => {})
    gateway.on('error', () => end(link))
    const pass = (direction: Direction, from: WebSocket, to: WebSocket): void => {
      let turn: Promise<unknown> = Promise.resolve()
      from.on('message', (data: RawData) => {
        const text = String(data)
        turn = turn
          .then(() => opened)
          .then(async () => {
            const held = this.gate?.(direction, text)
            if (held) await held
            this.#pass(link, rule, direction, to, text)
          })
      })
      from.on('close', (code, reason) => {
        turn = turn.then(() => {
          if (link.silent) return
          if (code === 1005 || code === 1006) end(link)
          else to.close(code, reason)
        })
      })
    }
    pass('up', client, gateway)
    pass('down', gateway, client)
    client.on('close', () => this.#links.delete(link))
  }

  #pass(link: Link, { cutAfter, silentAfter, code }: Rule, direction: Direction, to: WebSocket, text: string): void {
    if (link.frames === cutAfter) {
      if (code !== undefined) link.client.close(code)
      end(link, code !== undefined)
    }
    if (link.frames === silentAfter) link.silent = true
    if (link.silent || to.readyState !== WebSocket.OPEN) return
    link.frames++
    this.frames.push({ direction, text })
    to.send(text)
  }
}

function end({ client, gateway }: Link, closing = false): void {
  if (!closing) client.terminate()
  gateway.terminate()
}

/** Starts a proxy before a gateway; ended with the test. */
export async function startProxy(t: Pick<TestContext, 'after'>, target: string): Promise<FaultyProxy> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: (offered) => [...offered][0] ?? false })
  await once(server, 'listening')
  const proxy = new FaultyProxy(server, target.replace('http', 'ws'))
  t.after(() => proxy.end())
  return proxy
}
