import { type CallOptions, Calls } from './calls.ts'
import { type Clock, systemClock } from './clock.ts'
import { type Admission, ClientConnection, type ConnectionState, type Hello } from './connection.ts'
import { deferred } from './deferred.ts'
import { Disconnected, RpcError } from './errors.ts'
import type { EventFrame } from './frames.ts'
import { type ErrorReporter, Listeners, reportError } from './listeners.ts'
import { type Locks, pageLocks } from './message-locks.ts'
import { Messages } from './messages.ts'
import type { GatewayEvents, GatewayMethods } from './methods.ts'
import { watchPage } from './page.ts'
import type { Run } from './run.ts'
import { Session } from './session.ts'
import { type SocketClass, socketUrl, type Token } from './socket.ts'
import type { Store } from './store.ts'

export interface ClientOptions {
  /** `ws:`, `wss:`, `http:` or `https:`, with the prefix of the gateway; in a page also relative to it. */
  readonly url: string | URL
  /** Bearer token, or a function that answers it: called before every attempt to connect, and once more when the gateway refuses it. */
  readonly token?: Token | undefined
  /** Connects at once. Default: false, `connect()` does. */
  readonly autoConnect?: boolean
  /** Keeps unsettled messages and cursors across reloads. Default: none. */
  readonly store?: Store | undefined
  /** Web Locks: of several tabs with one store, a message is sent by the one that wrote it, or when that is gone by one other. Default: those of the page. */
  readonly locks?: Locks | undefined
  /** Asked before each attempt, where more is known than a socket tells: a page cannot see why a handshake failed. */
  readonly admit?: () => Promise<Admission>
  /** Default: `globalThis.WebSocket`. */
  readonly WebSocket?: SocketClass
  /** Time and chance, for tests. */
  readonly clock?: Clock
  /** Hears errors that belong to no request: of listeners, and of the store. Default: the platform's own report, which ends nothing. */
  readonly onError?: ErrorReporter
}

/** Params of a call; may be left out where every field may. */
type ParamsOf<P> = Record<never, never> extends P ? [params?: P] : [params: P]

/**
 * Client of one gateway. Making one does nothing; `connect()` opens a connection that comes back by itself until `close()`.
 * Methods, params, results and events have the gateway's own types.
 */
export class GatewayClient {
  /** Store that the client was made with. */
  readonly store: Store | undefined
  readonly #connection: ClientConnection
  readonly #stateListeners: Listeners<[ConnectionState]>
  readonly #connectedListeners: Listeners<[Hello]>
  readonly #eventListeners = new Map<string, Listeners<[never, { readonly sessionId?: string | undefined }]>>()
  /** Reports an error that belongs to no request, to `onError`. */
  readonly report: ErrorReporter
  readonly #messages: Messages
  readonly #calls: Calls
  readonly #firstRestored = deferred<readonly Run[]>()
  #restored: Promise<readonly Run[]> | undefined
  #ready = deferred<Hello>()
  #unwatch: (() => void) | undefined
  #started = false
  #closed = false

  constructor({
    url,
    token,
    autoConnect = false,
    store,
    locks = pageLocks(),
    admit,
    WebSocket,
    clock = systemClock,
    onError
  }: ClientOptions) {
    this.store = store
    this.report = onError ? (error) => guarded(() => onError(error)) : reportError
    this.#stateListeners = new Listeners(this.report)
    this.#connectedListeners = new Listeners(this.report)
    this.#connection = new ClientConnection({
      url: socketUrl(url),
      token,
      admit,
      clock,
      WebSocket: WebSocket ?? (globalThis as unknown as { WebSocket: SocketClass }).WebSocket,
      events: () => ['accepted', ...[...this.#eventListeners.keys()].filter((name) => name !== 'accepted')],
      onState: (state) => this.#entered(state),
      onNotice: (frame) => this.#heard(frame)
    })
    this.#calls = new Calls({ connection: this.#connection, clock, report: this.report })
    this.#messages = new Messages({
      clock,
      report: this.report,
      store,
      locks,
      connection: this.#connection,
      call: (method, params) => this.call(method, ...([params] as never)),
      heard: (frame) => this.#heard(frame)
    })
    if (autoConnect) this.connect()
  }

  /** State of the connection. */
  get state(): ConnectionState {
    return this.#connection.state
  }

  /**
   * Messages that an earlier client, or this one before it was closed, left without an outcome, once the store was read. It is read before the first
   * attempt and at each connect, which makes a new promise. Empty without a store.
   */
  get restored(): Promise<readonly Run[]> {
    return this.#restored ?? this.#firstRestored.promise
  }

  /** Resolves when the connection stands; rejects when the gateway refuses it, or `close()` comes first. A later connect makes a new one. */
  get ready(): Promise<Hello> {
    return this.#ready.promise
  }

  /** Opens the connection, and keeps it open. Harmless when it is; after a refusal it tries again. */
  connect(): void {
    const again = this.#closed || this.#connection.state.name === 'refused'
    if (again) {
      this.#closed = false
      this.#calls.reopen()
      this.#messages.reopen()
      this.#ready = deferred()
    }
    this.#unwatch ??= watchPage(
      () => this.#connection.wake(),
      () => void this.#messages.flush()
    )
    if (this.#started && !again) {
      this.#connection.start()
      return
    }
    this.#started = true
    // Messages from before a reload, and those that were given up, go out before new ones.
    void this.#restore().then(() => {
      if (!this.#closed) this.#connection.start()
    })
  }

  /**
   * Ends the connection. Calls and messages without an outcome reject with `Disconnected`; with a store the messages go on with the next client.
   * Resolves when the store has everything.
   */
  async close(): Promise<void> {
    this.#closed = true
    this.#unwatch?.()
    this.#unwatch = undefined
    this.#firstRestored.resolve([])
    this.#connection.stop()
    this.#end(new Disconnected({ sent: false }))
    await this.#messages.flush()
  }

  /** Tries to connect now where it waits; asks for a sign of life where it is connected. Happens by itself in a page that is looked at again. */
  wake(): void {
    this.#connection.wake()
  }

  /** Hears every change of `state`. Returns the function that removes the listener. */
  onState(listener: (state: ConnectionState) => void): () => void {
    return this.#stateListeners.add(listener)
  }

  /**
   * Runs at each connect, before messages and calls that waited: the place to register again what a connection forgets. Runs at once when
   * there is a connection. Returns the function that removes the listener.
   */
  onConnected(listener: (hello: Hello) => void): () => void {
    const remove = this.#connectedListeners.add(listener)
    if (this.state.name === 'connected') {
      const { hello } = this.state
      guarded(() => listener(hello), this.report)
    }
    return remove
  }

  /**
   * Hears an extension event of the gateway, which is asked for by this. Events of sessions come only from those that are followed, and
   * from messages of this client. Returns the function that removes the listener.
   */
  on<K extends keyof GatewayEvents & string>(
    event: K,
    listener: (data: GatewayEvents[K], origin: { readonly sessionId?: string | undefined }) => void
  ): () => void {
    let listeners = this.#eventListeners.get(event)
    if (!listeners) {
      listeners = new Listeners(this.report)
      this.#eventListeners.set(event, listeners)
      if (event !== 'accepted') this.#connection.renewEvents()
    }
    const remove = listeners.add(listener as never)
    return () => {
      remove()
      if (listeners.size > 0 || this.#eventListeners.get(event) !== listeners) return
      this.#eventListeners.delete(event)
      if (event !== 'accepted') this.#connection.renewEvents()
    }
  }

  /** A conversation, by its id `<frontend>:<key>`. */
  session(id: string): Session {
    return new Session(this.#messages, id)
  }

  /**
   * Calls a method. Waits for a connection; once sent it is never sent again.
   * @throws RpcError the gateway refused; TimedOut no answer in time; Disconnected `sent` tells whether it left this machine
   */
  call<M extends keyof GatewayMethods & string>(
    method: M,
    ...[params, options]: [...ParamsOf<GatewayMethods[M]['params']>, options?: CallOptions<GatewayMethods[M]['events']>]
  ): Promise<GatewayMethods[M]['result']> {
    return this.#calls.call(method, params, (options ?? {}) as CallOptions<Record<string, unknown>>) as never
  }

  #restore(): Promise<readonly Run[]> {
    const restored = (this.#restored ?? Promise.resolve()).then(() => this.#messages.restore())
    this.#restored = restored
    void restored.then(this.#firstRestored.resolve)
    return restored
  }

  #entered(state: ConnectionState): void {
    if (state.name === 'connected') {
      this.#ready.resolve(state.hello)
      this.#stateListeners.call(state)
      this.#connectedListeners.call(state.hello)
      this.#messages.resumeAll()
      this.#calls.resumeAll()
      // What a tab left that is gone now.
      void this.#restore().then((runs) => {
        for (const run of runs) run.advance()
      })
      return
    }
    if (state.name === 'refused') this.#end(new RpcError(state))
    this.#stateListeners.call(state)
  }

  /** Nothing will be sent any more. */
  #end(error: RpcError | Disconnected): void {
    this.#ready.reject(error)
    this.#calls.abandon(error)
    this.#messages.abandon(error)
  }

  #heard({ event, data, sessionId }: EventFrame): void {
    this.#eventListeners.get(event)?.call(data as never, { sessionId })
  }
}

/** Connects to a gateway: a `GatewayClient` that has begun to connect. */
export function connect(url: string | URL, options: Omit<ClientOptions, 'url' | 'autoConnect'> = {}): GatewayClient {
  return new GatewayClient({ ...options, url, autoConnect: true })
}

function guarded(act: () => void, report: ErrorReporter = reportError): void {
  try {
    act()
  } catch (error) {
    report(error)
  }
}
