import type { Clock } from './clock.ts'
import { Disconnected, RpcError } from './errors.ts'
import { type AnswerFrame, type EventFrame, readFrame } from './frames.ts'
import { Heartbeat } from './heartbeat.ts'
import type { GatewayMethods } from './methods.ts'
import { protocolsOf, type SocketClass, type SocketLike, type Token } from './socket.ts'

/** Answer of `system.hello`: the gateway, this connection, and what its credential may do. */
export type Hello = GatewayMethods['system.hello']['result']

/** Reason not to open a socket now. `refused` ends the connection, `retry` asks again later. */
export interface Admission {
  readonly refused?: { readonly code: number; readonly message: string }
  /** `afterMs`: the least time to the next attempt. */
  readonly retry?: { readonly reason: string; readonly afterMs?: number }
}

/** State of the connection. `at` is the time of the next attempt in epoch milliseconds. */
export type ConnectionState =
  | { readonly name: 'stopped' }
  | { readonly name: 'connecting' }
  | { readonly name: 'connected'; readonly hello: Hello }
  | { readonly name: 'waiting'; readonly at: number; readonly reason: string }
  | { readonly name: 'refused'; readonly code: number; readonly message: string }

/** A request under way. */
export interface Request {
  /** `size`: characters of the frame. */
  readonly onEvent?: ((frame: EventFrame, size: number) => void) | undefined
  /** Called once: with the answer, or `Disconnected` when the socket is gone. */
  readonly settle: (error: Error | undefined, result?: unknown) => void
}

interface Pending extends Request {
  /** Characters of its frame. */
  readonly size: number
  /** The gateway has read it. */
  heard: boolean
}

export interface ConnectionOptions {
  readonly url: string
  readonly token: Token | undefined
  readonly WebSocket: SocketClass
  readonly clock: Clock
  /** Extension events to ask for. */
  readonly events: () => string[]
  readonly admit: (() => Promise<Admission>) | undefined
  readonly onState: (state: ConnectionState) => void
  /** Events of the gateway that belong to no request. */
  readonly onNotice: (frame: EventFrame) => void
}

/** The gateway refused the credential. */
const UNAUTHENTICATED = 4401
/** Closing codes after which another attempt would end the same: 1008 policy (a credential revoked, another node took over), 4404 no gateway at this path. */
const FINAL: ReadonlySet<number> = new Set([1008, 4404])
const FIRST_DELAY_MS = 1000
const LONGEST_DELAY_MS = 30_000
/** A connection that held for this long resets the backoff. */
const GOOD_AFTER_MS = 10_000
/** From the start of an attempt to the gateway's first answer. */
const CONNECT_TIMEOUT_MS = 15_000
/** Code of a refusal that came without an error frame: AuthFailed. */
const AUTH_FAILED = -5
const INVALID_REQUEST = -2
/** A frame was larger than the gateway accepts. */
const TOO_BIG = 1009

/**
 * One connection to a gateway that comes back by itself.
 *
 *   stopped ──start──▶ connecting ──hello answered──▶ connected
 *                       ▲       │                        │
 *                 delay │       │ close, no answer       │ close, no sign of life
 *                       │       ▼                        ▼
 *                       └─── waiting ◀───────────────────┘
 *
 *   1008, 4404, and 4401 with a token that was just asked for ──▶ refused (until start)
 *   stop, from anywhere ──▶ stopped
 *
 * Invariants: `#attempt` goes up whenever a socket is given up, and whatever belongs to an older attempt is ignored. Requests exist only
 * while there is a socket; each of them is settled once. Nothing is sent again: whether a request that was under way had an effect, only
 * the gateway knows.
 */
export class ClientConnection {
  readonly #options: ConnectionOptions
  #state: ConnectionState = { name: 'stopped' }
  #socket: SocketLike | undefined
  readonly #requests = new Map<number, Pending>()
  /** Receivers of events that come after the answer, by request. */
  readonly #subscriptions = new Map<number, (frame: EventFrame, size: number) => void>()
  #attempt = 0
  #lastId = 0
  #failures = 0
  #connectedAt: number | undefined
  /** The token was asked for again after 4401, and the gateway has not accepted it yet. */
  #refreshed = false
  #refusal: RpcError | undefined
  #timer: unknown
  /** Only while connected. */
  #heartbeat: Heartbeat | undefined

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  get state(): ConnectionState {
    return this.#state
  }

  get connected(): boolean {
    return this.#state.name === 'connected'
  }

  /** Connects now, whatever it waited for. An existing connection stays. */
  start(): void {
    if (!this.connected && this.#state.name !== 'connecting') void this.#connect()
  }

  stop(): void {
    if (this.#state.name === 'stopped') return
    this.#giveUp(undefined, () => this.#enter({ name: 'stopped' }))
  }

  /** Tries again at once when it waits; asks for a sign of life when it is connected. */
  wake(): void {
    if (this.#state.name === 'waiting') void this.#connect()
    else this.#heartbeat?.ask()
  }

  /**
   * Sends a request over the present connection. With `subscribe` its events keep coming after the answer, for as long as the connection
   * lasts.
   * @returns its id
   * @throws Disconnected when there is no connection: nothing was sent
   */
  send(method: string, params: object | undefined, request: Request, subscribe = false): number {
    if (!this.connected) throw new Disconnected({ sent: false })
    return this.#send(method, params, request, subscribe)
  }

  /** Stops waiting for the answer, which is ignored when it comes. */
  forget(id: number): void {
    this.#requests.delete(id)
    this.#subscriptions.delete(id)
  }

  /** Asks for the extension events that are wanted now. */
  renewEvents(): void {
    if (this.connected) this.#send('system.hello', { events: this.#options.events() }, { settle: () => {} })
  }

  async #connect(): Promise<void> {
    const { clock, admit, token } = this.#options
    this.#giveUp(undefined, () => this.#enter({ name: 'connecting' }))
    const attempt = this.#attempt
    // One limit for the whole attempt: a token or an admission that never comes must not hold it either.
    this.#timer = clock.setTimeout(() => this.#wait('The gateway does not answer.'), CONNECT_TIMEOUT_MS)
    let credential: string | undefined
    try {
      const { refused, retry } = (await admit?.()) ?? {}
      if (attempt !== this.#attempt) return
      if (refused) return this.#refuse(refused)
      if (retry) return this.#wait(retry.reason, retry.afterMs)
      credential = typeof token === 'function' ? await token() : token
    } catch (error) {
      if (attempt === this.#attempt) this.#wait(`The token could not be read: ${messageOf(error)}`)
      return
    }
    if (attempt !== this.#attempt) return
    try {
      this.#open(attempt, credential)
    } catch (error) {
      // The address itself is wrong: no attempt would end differently.
      this.#refuse({ code: AUTH_FAILED, message: messageOf(error) })
    }
  }

  #open(attempt: number, token: string | undefined): void {
    const socket = new this.#options.WebSocket(this.#options.url, protocolsOf(token))
    this.#socket = socket
    socket.onopen = () => {
      if (attempt === this.#attempt) this.#greet(attempt)
    }
    socket.onmessage = ({ data }: { data: unknown }) => {
      if (attempt === this.#attempt) this.#receive(data)
    }
    socket.onerror = () => {}
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => {
      if (attempt === this.#attempt) this.#closed(code, reason)
    }
  }

  /** A refused socket opens too: only an answer shows that the gateway accepted the connection. */
  #greet(attempt: number): void {
    const events = this.#options.events()
    const settle = (error: Error | undefined, result?: unknown): void => {
      if (attempt !== this.#attempt || error instanceof Disconnected) return
      if (error) {
        this.#wait(`The gateway refused the connection: ${error.message}`, retryAfter(error))
        return
      }
      const { clock } = this.#options
      clock.clearTimeout(this.#timer)
      this.#connectedAt = clock.now()
      this.#refreshed = false
      this.#heartbeat = new Heartbeat({
        clock,
        ask: () => void this.#send('system.info', undefined, { settle: () => {} }),
        onDead: () => this.#wait('The gateway no longer answers.')
      })
      this.#enter({ name: 'connected', hello: result as Hello })
      // Listeners that came while the gateway answered.
      if (attempt === this.#attempt && `${this.#options.events()}` !== `${events}`) this.renewEvents()
    }
    this.#send('system.hello', { events }, { settle })
  }

  #send(method: string, params: object | undefined, request: Request, subscribe = false): number {
    const id = ++this.#lastId
    const text = JSON.stringify({ id, method, params })
    this.#requests.set(id, { ...request, size: text.length, heard: false })
    if (subscribe && request.onEvent) this.#subscriptions.set(id, request.onEvent)
    this.#socket!.send(text)
    return id
  }

  #receive(data: unknown): void {
    this.#heartbeat?.heard()
    const frame = readFrame(data)
    if (!frame) return
    if (frame.event !== undefined) this.#event(frame, (data as string).length)
    else this.#answer(frame)
  }

  #event(frame: EventFrame, size: number): void {
    if (frame.id === null) {
      this.#options.onNotice(frame)
      return
    }
    const request = this.#requests.get(frame.id)
    if (request) request.heard = true
    const receive = request?.onEvent ?? this.#subscriptions.get(frame.id)
    if (receive) receive(frame, size)
    // Extension events of a `sessions.subscribe` that was called without `onEvent`.
    else this.#options.onNotice(frame)
  }

  #answer({ id, error, result }: AnswerFrame): void {
    const refusal = error && new RpcError(error)
    if (id === null) {
      this.#refusal = refusal
      return
    }
    const request = this.#requests.get(id)
    if (!request) return
    this.#requests.delete(id)
    request.settle(refusal, result)
  }

  #closed(code: number, reason: string): void {
    const refusal = this.#refusal ?? { code: AUTH_FAILED, message: reason || `The gateway closed the connection (code ${code}).` }
    if (code === UNAUTHENTICATED && typeof this.#options.token === 'function' && !this.#refreshed) {
      this.#refreshed = true
      void this.#connect()
    } else if (code === UNAUTHENTICATED || FINAL.has(code)) this.#refuse(refusal, code)
    else
      this.#wait(
        code === 1006 ? 'The connection was lost.' : `The gateway closed the connection (${reason || `code ${code}`}).`,
        retryAfter(this.#refusal),
        code
      )
  }

  /** Gives up the socket and tries again later. Full jitter: after a restart of the gateway its clients must not return all at once. */
  #wait(reason: string, afterMs = 0, code?: number): void {
    const { clock } = this.#options
    if (this.#connectedAt !== undefined && Math.abs(clock.now() - this.#connectedAt) >= GOOD_AFTER_MS) this.#failures = 0
    const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(this.#failures++, 10))
    const delay = Math.max(afterMs, Math.round(longest * clock.random()))
    this.#giveUp(code, () => {
      this.#timer = clock.setTimeout(() => void this.#connect(), delay)
      this.#enter({ name: 'waiting', at: clock.now() + delay, reason })
    })
  }

  #refuse({ code, message }: { readonly code: number; readonly message: string }, closeCode?: number): void {
    this.#giveUp(closeCode, () => this.#enter({ name: 'refused', code, message }))
  }

  /** The end of an attempt: first the next state, then those who lose their requests hear of it. */
  #giveUp(code: number | undefined, enter: () => void): void {
    const requests = this.#lose()
    enter()
    settleLost(requests, code)
  }

  #lose(): Pending[] {
    const socket = this.#socket
    this.#attempt++
    this.#options.clock.clearTimeout(this.#timer)
    this.#socket = undefined
    this.#refusal = undefined
    this.#connectedAt = undefined
    this.#heartbeat?.stop()
    this.#heartbeat = undefined
    const requests = [...this.#requests.values()]
    this.#requests.clear()
    this.#subscriptions.clear()
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null
      socket.close()
    }
    return requests
  }

  #enter(state: ConnectionState): void {
    this.#state = state
    this.#options.onState(state)
  }
}

/**
 * The requests of a lost socket. After 1009 the largest one that the gateway never read is what it refused: sent again, it would end
 * every connection.
 */
function settleLost(requests: readonly Pending[], code: number | undefined): void {
  let large: Pending | undefined
  if (code === TOO_BIG) for (const it of requests) if (!it.heard && it.size > (large?.size ?? 0)) large = it
  for (const request of requests) {
    if (request !== large) request.settle(new Disconnected({ sent: true }))
    else
      request.settle(
        new RpcError({
          code: INVALID_REQUEST,
          message: `The request is larger than the gateway accepts (${request.size} characters); see server.max_payload_bytes`
        })
      )
  }
}

function retryAfter(error: unknown): number | undefined {
  return error instanceof RpcError ? error.retryAfterMs : undefined
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
