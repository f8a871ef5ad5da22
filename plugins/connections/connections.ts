import { randomUUID } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { CLOSE, Connection } from '../../rpc/connection.ts'
import type { Caller, Peer } from '../../rpc/define.ts'
import { EventText } from '../../rpc/event-text.ts'
import { Intake } from '../../rpc/intake.ts'
import { Corker, SendBuffer, STALL_MS } from '../../rpc/send-buffer.ts'
import type { GatewayInstance } from '../define.ts'

/** Close code when the configuration no longer admits a connection (RFC 6455 section 7.4.1). */
const CLOSE_POLICY = 1008
/** A close frame has at most 131 bytes; some more, for what was on its way. */
const GOODBYE_BYTES = 1024
/** Milliseconds that a peer has to answer the close frame of a refusal, a withdrawn credential or a shutdown. */
const GOODBYE_MS = 2_000

const later = (fn: () => void): void => void setTimeout(fn, STALL_MS).unref()

declare module '../hooks/hooks.ts' {
  interface HookEvents {
    /** A connection has gone, or gets other events than before. */
    'connection.audience': { readonly peer: Peer; readonly caller: Caller; readonly closed: boolean }
    /** A client is given up because it does not read: its socket, or the stream of its request over HTTP. */
    'connection.slow': { readonly transport: 'ws' | 'http' }
  }
}

/** Description of a socket, for people. */
export interface ConnectionOrigin {
  readonly address?: string | undefined
  readonly userAgent?: string | undefined
  /** Id of the login whose cookie opened it. */
  readonly login?: string | undefined
}

/** The live sockets of one gateway. */
export class Connections {
  readonly #app: GatewayInstance
  readonly #open = new Map<string, Connection<GatewayInstance>>()
  readonly #origins = new WeakMap<Connection<GatewayInstance>, ConnectionOrigin & { readonly connectedAt: number }>()
  readonly #corker = new Corker()
  readonly #eventText = new EventText()

  constructor(app: GatewayInstance) {
    this.#app = app
  }

  get size(): number {
    return this.#open.size
  }

  /** Bytes that all peers together are owed. */
  get owed(): number {
    let bytes = 0
    for (const connection of this.#open.values()) bytes += connection.owed
    return bytes
  }

  /** The ids of the sessions that live connections are attached to. */
  sessions(): Set<string> {
    return new Set(Array.from(this.#open.values(), ({ sessionId }) => sessionId))
  }

  /** Tells if a caller has a live connection. */
  serves(callerId: string): boolean {
    for (const { caller } of this.#open.values()) if (caller.id === callerId) return true
    return false
  }

  /** Takes over an upgraded socket of an accepted caller. Listens at once: a frame may already be on its way. */
  accept(
    socket: WebSocket,
    stream: Duplex | undefined,
    caller: Caller,
    origin: ConnectionOrigin = {}
  ): Connection<GatewayInstance> {
    const app = this.#app
    const id = randomUUID()
    const { maxPayloadBytes, sendBufferBytes } = app.config.server
    // Made at the first frame: thousands of connections idle.
    let intake: Intake | undefined
    const drain = (): void => {
      intake?.drain()
      this.#open.get(id)?.drained()
    }
    const sendBuffer = new SendBuffer({
      socket,
      stream,
      corker: this.#corker,
      eventText: this.#eventText,
      limit: sendBufferBytes,
      later,
      onProgress: drain,
      onSlow: () => {
        app.log.warn({ connectionId: id }, 'a client does not read; its connection is closed')
        app.hooks.emit('connection.slow', { transport: 'ws' })
        socket.close(CLOSE.slow, 'slow consumer')
        // To read the goodbye of the peer.
        drain()
      }
    })
    const connection = new Connection({ id, app, registry: app.rpc, log: app.log, caller, socket, sendBuffer, onLess: drain })
    const makeIntake = (): Intake =>
      new Intake({
        socket,
        owes: () => socket.readyState === socket.OPEN && connection.full,
        handle: (data, isBinary) => {
          // After our goodbye the peer may still send. Its answer could not be delivered, so nothing is started.
          if (socket.readyState !== socket.OPEN || !this.#open.has(id)) return
          // Our own WebSocket server refuses such a frame unread; a host's may let it pass.
          if (data.length > maxPayloadBytes) socket.close(CLOSE.tooBig, 'frame too big')
          else connection.receive(data, isBinary)
        }
      })
    this.#open.set(id, connection)
    this.#origins.set(connection, { ...origin, connectedAt: Date.now() })
    socket.on('message', (data: Buffer, isBinary) => {
      intake ??= makeIntake()
      intake.add(data, isBinary)
    })
    socket.on('pong', () => connection.pong())
    socket.on('error', (err) => app.log.debug({ err, connectionId: id }, 'socket error'))
    socket.on('close', () => {
      this.#open.delete(id)
      app.hooks.emit('connection.audience', { peer: connection, caller, closed: true })
      connection.closed()
    })
    // The configuration may have changed since the handshake was let in.
    this.#recheck(connection)
    return connection
  }

  /** Live sockets, oldest first. */
  list() {
    return Array.from(this.#open.values(), (connection) => {
      const { connectedAt = 0, address = '', userAgent = '', login } = this.#origins.get(connection) ?? {}
      const { id, caller, sessionId, owed } = connection
      return { connectionId: id, caller: caller.id, sessionId, connectedAt, address, userAgent, login, owedBytes: owed }
    })
  }

  /** Closes one socket, or all of those that `which` selects. Nothing that they still send is begun. Returns how many. */
  end(which: (connection: { readonly id: string; readonly login: string | undefined }) => boolean, reason: string): number {
    const ended = [...this.#open.values()].filter((connection) => {
      return which({ id: connection.id, login: this.#origins.get(connection)?.login })
    })
    for (const connection of ended) this.#sendAway(connection, reason)
    return ended.length
  }

  /** Another configuration is in force: whose credential no longer counts, or for something else, is sent away. */
  recheck(): void {
    for (const connection of [...this.#open.values()]) this.#recheck(connection)
  }

  /**
   * Turns an upgraded socket away. Nothing it says is looked at; once it says more than a goodbye, which `ws` would gather
   * up to a whole frame, or does not answer within two seconds, it is cut off.
   */
  refuse(socket: WebSocket, stream: Duplex | undefined, code: number, reason: string, frame?: string): void {
    if (frame !== undefined) socket.send(frame)
    socket.close(code, reason)
    let said = 0
    stream?.on('data', (chunk: Buffer) => {
      said += chunk.length
      if (said > GOODBYE_BYTES) socket.terminate()
    })
    setTimeout(() => socket.terminate(), GOODBYE_MS).unref()
  }

  #recheck(connection: Connection<GatewayInstance>): void {
    if (this.#app.auth.stillAdmits(connection.caller)) return
    const { id, caller } = connection
    this.#app.log.info({ connectionId: id, caller: caller.id }, 'a connection is closed: its credential no longer counts')
    this.#sendAway(connection, 'the credential no longer counts')
  }

  #sendAway(connection: Connection<GatewayInstance>, reason: string): void {
    // Nothing that it still sends is begun.
    this.#open.delete(connection.id)
    connection.close(CLOSE_POLICY, reason)
    setTimeout(() => connection.terminate(), GOODBYE_MS).unref()
  }

  /** One heartbeat for everybody. */
  beat(): void {
    for (const connection of this.#open.values()) connection.beat()
  }

  /** Connections that get the events of a kind: those that asked for it with `system.hello`, and these subscribers. */
  wanting(kind: string, subscribers?: ReadonlySet<Peer>): { readonly peer: Peer; readonly caller: Caller }[] {
    return this.#wanting(kind, subscribers).map((peer) => ({ peer, caller: peer.caller }))
  }

  /** Sends an event that may be left out to connections that want it. */
  publish(kind: string, data: unknown, subscribers?: ReadonlySet<Peer>): void {
    for (const connection of this.#wanting(kind, subscribers)) connection.publish(kind, data)
  }

  /** Reports to the connections that want a kind that events of it were left out. */
  lose(kind: string, subscribers?: ReadonlySet<Peer>): void {
    for (const connection of this.#wanting(kind, subscribers)) connection.lose(kind)
  }

  #wanting(kind: string, subscribers?: ReadonlySet<Peer>): Connection<GatewayInstance>[] {
    return [...this.#open.values()].filter((connection) => connection.wants(kind) || subscribers?.has(connection))
  }

  /** Sends an extension event to every connection that asked for it. */
  notify(event: string, data: unknown): void {
    for (const connection of this.#open.values()) connection.notify(event, data)
  }

  /** Says goodbye to everybody. Who does not answer within two seconds is cut off: nothing may hold up a shutdown. */
  closeAll(code: number, reason: string): void {
    for (const connection of this.#open.values()) connection.close(code, reason)
    setTimeout(() => {
      for (const connection of this.#open.values()) connection.terminate()
    }, GOODBYE_MS).unref()
  }
}
