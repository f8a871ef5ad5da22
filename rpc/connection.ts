import type { FastifyBaseLogger } from 'fastify'
import type { RawData, WebSocket } from 'ws'
import type { Caller, Context, Origin, Peer } from './define.ts'
import { RpcError, toRpcError } from './errors.ts'
import {
  type Dialect,
  errorFrame,
  type NoOrigin,
  type Request,
  type RequestId,
  readRequest,
  refusedText,
  resultFrame,
  type Unreadable,
  unreadableFrame
} from './frames.ts'
import { parseJson } from './json.ts'
import type { Registry } from './registry.ts'
import type { SendBuffer } from './send-buffer.ts'

/** Requests of one connection that may be under way at once. */
export const MAX_IN_FLIGHT = 64
/** Uncounted requests of one connection in progress at once: they have a limit of their own, so that they cannot pile up. */
const MAX_UNCOUNTED = 64
/** Characters of the answers that the batches of one connection gather together. */
const MAX_BATCH_ANSWER = 64 * 1024 * 1024
/** Seconds between two heartbeats. */
export const HEARTBEAT_SECONDS = 30
/** Heartbeats that a peer may miss before it counts as dead. */
const MAX_MISSED_BEATS = 2

/** Close codes of the gateway (RFC 6455 section 7.4.1; 4000 and up are our own). */
export const CLOSE = { goingAway: 1001, tooBig: 1009, slow: 1013, unauthenticated: 4401, notFound: 4404 } as const

const NO_ORIGIN: NoOrigin = {}

export interface ConnectionOptions<App> {
  readonly id: string
  readonly app: App
  readonly registry: Registry<App>
  readonly log: FastifyBaseLogger
  readonly caller: Caller
  readonly socket: WebSocket
  readonly sendBuffer: SendBuffer
  /** Called when batches hold less than before, or the connection is closing: the peer may be read again. */
  readonly onLess?: () => void
}

/**
 * One socket of the protocol: frames come in, each is answered once. Requests run concurrently; the frames of one
 * request keep their order (events, then the result or error).
 *
 * Every field that a quiet connection does not need is made at its first use: thousands of them idle.
 */
export class Connection<App = unknown> implements Peer {
  readonly id: string
  readonly caller: Caller
  sessionId: string
  readonly #app: App
  readonly #registry: Registry<App>
  readonly #log: FastifyBaseLogger
  readonly #socket: WebSocket
  readonly #sendBuffer: SendBuffer
  readonly #onLess: () => void
  /** The calls under way, by the id the client gave them. */
  #inFlight: Map<RequestId | symbol, Call<App>> | undefined
  #events: Set<string> | undefined
  /** Kinds of events that were left out because the peer reads too slowly. */
  #lost: Set<string> | undefined
  /** Dialect of the newest request: events of the gateway come in it. */
  #dialect: Dialect = 'native'
  #farewells: (() => void)[] | undefined
  /** Calls in `#inFlight` that do not count towards `MAX_IN_FLIGHT`. */
  #uncounted = 0
  #missedBeats = 0
  /** Characters of answers that batches hold until they are complete. */
  #gathered = 0

  constructor({ id, app, registry, log, caller, socket, sendBuffer, onLess = () => {} }: ConnectionOptions<App>) {
    this.#onLess = onLess
    this.id = id
    this.sessionId = `ws:${id}`
    this.caller = caller
    this.#app = app
    this.#registry = registry
    this.#log = log
    this.#socket = socket
    this.#sendBuffer = sendBuffer
  }

  get events(): Set<string> {
    this.#events ??= new Set()
    return this.#events
  }

  /** Handles one message of the socket. Never throws: every failure becomes an error frame. */
  receive(data: RawData, isBinary: boolean): void {
    this.#missedBeats = 0
    if (isBinary) {
      this.#refuse({
        dialect: 'native',
        id: null,
        error: new RpcError('ParseError', 'Parse error: frames are text, this one is binary')
      })
      return
    }
    const text = String(data)
    let value: unknown
    try {
      value = parseJson(text)
    } catch (cause) {
      this.#refuse(refusedText(text, toRpcError(cause)))
      return
    }
    if (Array.isArray(value)) this.#batch(value)
    else this.#take(value, (answer) => answer !== undefined && this.#sendBuffer.send(answer))
  }

  /** Bytes that wait to be sent to the peer. */
  get owed(): number {
    return this.#sendBuffer.owed
  }

  /** Tells if the peer has to read, or its batches to end, before more of it is read. */
  get full(): boolean {
    return this.#sendBuffer.full || this.#gathered > this.#sendBuffer.limit
  }

  pong(): void {
    this.#missedBeats = 0
  }

  /** One heartbeat: pings the peer, or terminates one that missed two. */
  beat(): void {
    // A peer that is owed too much is not read, and neither are its pongs: it lives as long as it takes what it is owed.
    if (this.#sendBuffer.moved()) this.#missedBeats = 0
    if (this.#missedBeats++ < MAX_MISSED_BEATS) this.#socket.ping()
    else this.#socket.terminate()
  }

  /** Sends an extension event to a connection that asked for it. */
  notify(event: string, data: unknown): void {
    if (this.wants(event)) this.#notify(event, data)
  }

  /** True if this connection asked for an extension event with `system.hello`. */
  wants(event: string): boolean {
    return this.#events?.has(event) === true
  }

  /** Sends an event that may be left out. A peer that is owed too much gets the event `lost` once it has read. */
  publish(event: string, data: unknown): void {
    if (this.full) {
      this.lose(event)
      return
    }
    this.#reportLost()
    this.#notify(event, data)
  }

  /** Leaves out an event of this kind. */
  lose(kind: string): void {
    this.#lost ??= new Set()
    this.#lost.add(kind)
    this.drained()
  }

  /** The peer may be owed less than before. */
  drained(): void {
    if (this.#lost !== undefined && !this.full) this.#reportLost()
  }

  #reportLost(): void {
    if (this.#lost === undefined) return
    const kinds = [...this.#lost]
    this.#lost = undefined
    this.#notify('lost', { kinds })
  }

  #notify(event: string, data: unknown): void {
    this.#sendBuffer.event(this.#dialect, { id: null, event, data, origin: NO_ORIGIN })
  }

  close(code: number, reason: string): void {
    // An answer that is being written in this turn goes out first.
    setImmediate(() => {
      this.#sendBuffer.finish()
      this.#socket.close(code, reason)
      // To read the goodbye of the peer.
      this.#onLess()
    })
  }

  onClose(fn: () => void): void {
    if (this.#socket.readyState === this.#socket.CLOSED) {
      fn()
      return
    }
    this.#farewells ??= []
    this.#farewells.push(fn)
  }

  /** Ends the socket without a close frame. */
  terminate(): void {
    this.#socket.terminate()
  }

  /** The socket is gone. Aborts the calls that wait for the client; runs go on. */
  closed(): void {
    this.#sendBuffer.discard()
    for (const call of this.#inFlight?.values() ?? []) call.abort()
    this.#inFlight = undefined
    for (const farewell of this.#farewells ?? []) farewell()
    this.#farewells = undefined
  }

  #refuse(frame: Unreadable): void {
    this.#sendBuffer.send(unreadableFrame(frame))
  }

  /** JSON-RPC 2.0 section 6: the answers come together, in one array, notifications leave no trace. */
  #batch(items: unknown[]): void {
    const refuse = (kind: 'InvalidRequest' | 'InternalError', message: string): void =>
      this.#refuse({ dialect: '2.0', id: null, error: new RpcError(kind, message) })
    if (items.length === 0 || items.length > MAX_IN_FLIGHT) {
      refuse('InvalidRequest', `Invalid request: a batch holds 1 to ${MAX_IN_FLIGHT} requests, this one ${items.length}`)
      return
    }
    const answers: string[] = []
    let size = 0
    let open = items.length
    let tooLarge = false
    const release = (): void => {
      this.#gathered -= size
      size = 0
      this.#onLess()
    }
    const done = (answer?: string): void => {
      if (answer !== undefined && !tooLarge) {
        answers.push(answer)
        size += answer.length
        this.#gathered += answer.length
        tooLarge = this.#gathered > MAX_BATCH_ANSWER
        if (tooLarge) {
          answers.length = 0
          release()
        }
      }
      if (--open > 0) return
      if (tooLarge)
        refuse('InternalError', 'Internal error: the answers of this batch are too large together; ask for them one by one')
      else if (answers.length > 0) this.#sendBuffer.send(`[${answers.join(',')}]`)
      release()
    }
    // A call that works on keeps the next one for another turn: the answers of the earlier ones are counted before more are made.
    let next = 0
    const start = (): void => {
      while (next < items.length) {
        const item = items[next++]
        if (tooLarge || this.#socket.readyState !== this.#socket.OPEN) done()
        else this.#take(item, done, '2.0')
        const answered = items.length - open
        if (answered < next || this.full) break
      }
      if (next < items.length) setImmediate(start)
    }
    start()
  }

  /** `done` is called once, without an answer for a notification. */
  #take(value: unknown, done: Done, only?: Dialect): void {
    const request = readRequest(value)
    if ('error' in request) {
      done(unreadableFrame(only ? { ...request, dialect: only } : request))
    } else if (only && request.dialect !== only) {
      done(
        unreadableFrame({
          dialect: only,
          id: null,
          error: new RpcError('InvalidRequest', 'Invalid request: in a batch, jsonrpc must be "2.0"')
        })
      )
    } else if (request.id !== undefined && request.id !== null && this.#inFlight?.has(request.id)) {
      done(
        errorFrame(
          request.dialect,
          request.id,
          new RpcError('InvalidRequest', `id ${request.id} is taken by a request that is still under way`)
        )
      )
    } else if (!this.#hasRoom(request.method)) {
      const error = new RpcError('AgentBusy', `More than ${MAX_IN_FLIGHT} requests of this connection are under way`)
      done(request.id === undefined ? undefined : errorFrame(request.dialect, request.id, error))
    } else this.#run(request, done)
  }

  #isUncounted(method: string): boolean {
    return this.#registry.get(method)?.uncounted === true
  }

  #hasRoom(method: string): boolean {
    const uncounted = this.#uncounted
    if (this.#isUncounted(method)) return uncounted < MAX_UNCOUNTED
    return (this.#inFlight?.size ?? 0) - uncounted < MAX_IN_FLIGHT
  }

  #run({ params, ...request }: Request, done: Done): void {
    this.#dialect = request.dialect
    // Without the params: a message with attachments must not stay in memory until its answer.
    const call = new Call(this, { app: this.#app, log: this.#log, sendBuffer: this.#sendBuffer, request })
    let result: unknown
    try {
      result = this.#registry.call(request.method, params, call)
    } catch (cause) {
      done(this.#failure(request, cause))
      return
    }
    if (!(result instanceof Promise)) {
      done(this.#success(request, result))
      return
    }
    // A call without an id (or with the id null) has a place of its own, so that it counts too.
    const key = request.id ?? Symbol('unnamed')
    this.#inFlight ??= new Map()
    this.#inFlight.set(key, call)
    const weight = this.#isUncounted(request.method) ? 1 : 0
    this.#uncounted += weight
    const finish = (answer: string | undefined): void => {
      this.#inFlight?.delete(key)
      this.#uncounted -= weight
      done(answer)
    }
    result.then(
      (value) => finish(this.#success(request, value)),
      (cause) => finish(this.#failure(request, cause))
    )
  }

  #success({ dialect, id, method }: Head, result: unknown): string | undefined {
    if (id === undefined) return undefined
    try {
      return resultFrame(dialect, id, this.#registry.encode(method, result))
    } catch (cause) {
      return errorFrame(dialect, id, this.#logged(method, cause))
    }
  }

  #failure({ dialect, id, method }: Head, cause: unknown): string | undefined {
    const error = this.#logged(method, cause)
    return id === undefined ? undefined : errorFrame(dialect, id, error)
  }

  #logged(method: string, cause: unknown): RpcError {
    if (!(cause instanceof RpcError)) this.#log.error({ err: cause, method, connectionId: this.id }, 'a method failed')
    return toRpcError(cause)
  }
}

/** Part of a request that its answer needs. */
type Head = Omit<Request, 'params'>

type Done = (answer: string | undefined) => unknown

interface CallOptions<App> {
  readonly app: App
  readonly log: FastifyBaseLogger
  readonly sendBuffer: SendBuffer
  readonly request: Head
}

/** One request under way. */
class Call<App> implements Context<App> {
  readonly app: App
  readonly log: FastifyBaseLogger
  readonly connection: Connection<App>
  readonly #sendBuffer: SendBuffer
  readonly #request: Head
  #controller: AbortController | undefined

  constructor(connection: Connection<App>, { app, log, sendBuffer, request }: CallOptions<App>) {
    this.connection = connection
    this.app = app
    this.log = log
    this.#sendBuffer = sendBuffer
    this.#request = request
  }

  get caller(): Caller {
    return this.connection.caller
  }

  get traceparent(): string | undefined {
    return this.#request.traceparent
  }

  /** Made at its first use: most methods never look at it. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    return this.#controller.signal
  }

  /** Also for a method that will look at its signal only later. */
  abort(): void {
    this.#controller ??= new AbortController()
    this.#controller.abort()
  }

  emit(event: string, data: unknown, origin: Origin): void {
    const { dialect, id } = this.#request
    if (id !== undefined) this.#sendBuffer.event(dialect, { id, event, data, origin })
  }
}
