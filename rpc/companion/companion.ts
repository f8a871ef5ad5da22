import { type Clock, systemClock } from '../client/clock.ts'
import { type Deferred, deferred } from '../client/deferred.ts'
import { type ClientOptions, Disconnected, GatewayClient, type GatewayMethods, RpcError } from '../client/index.ts'
import { type ErrorReporter, Listeners, reportError } from '../client/listeners.ts'
import { type Capability, type Handler, Invocations } from './invocations.ts'
import { type Namespace, namespace } from './namespace.ts'
import { Publisher } from './publisher.ts'

/** Version of the node protocol that this file speaks. */
const NODE_PROTOCOL = 1
/** Delay before another try when the gateway has no room for a node and names no time. */
const RETRY_MS = 30_000

export type NodeStatus = GatewayMethods['node.status.set']['params']
export type NodeLocation = GatewayMethods['node.location.set']['params']
export type PushToken = GatewayMethods['node.push_token.set']['params']
/** Answer of `node.register`: `capabilities.enabled` are those that the gateway lets others use. */
export type Registration = GatewayMethods['node.register']['result']

type Source<T> = () => T | undefined | Promise<T | undefined>

/** Parts of a companion beside its connection. */
export interface NodeOptions {
  /** Name of this device, the same after each start. */
  readonly nodeId: string
  /** One of `server.nodes.allowed_roles`. Default: `companion`. */
  readonly role?: string
  /** Capabilities that this device offers, by name (`notifications`): a handler, or `{description, params, run}`. */
  readonly capabilities?: Readonly<Record<string, Capability>>
  /** Reads the status when it is due: after each registration and every 60 s. */
  readonly status?: Source<NodeStatus>
  /** Reads the location when it is due, as `status`. */
  readonly location?: Source<NodeLocation>
  /** Hears errors that belong to no call: of the status, the location, or an answer. Default: the platform's own report. */
  readonly onError?: ErrorReporter
  /** Time and chance, for tests. */
  readonly clock?: Clock
}

/** A client of the program, which goes on after the companion was closed, or the options of one of its own. */
export type CompanionOptions = NodeOptions & ({ readonly client: GatewayClient } | ClientOptions)

/** State of the registration. */
export type CompanionState =
  | { readonly name: 'offline' }
  | { readonly name: 'registering' }
  | { readonly name: 'registered'; readonly registration: Registration }
  | { readonly name: 'refused'; readonly code: number; readonly message: string }

/**
 * A device as a node of the gateway: registers at each connect, answers what it is asked to do, and keeps its status and location
 * fresh.
 *
 *   offline ──connected──▶ registering ──accepted──▶ registered
 *      ▲                       │  └──refused──▶ refused (until the next connect)
 *      └─────── connection lost, from anywhere ─────────┘
 */
export class Companion {
  readonly client: GatewayClient
  readonly nodeId: string
  /** `canvas.put`, `get`, `list`, `delete`, `clear`. */
  readonly canvas: Namespace<'canvas'>
  /** `system.info`, `nodes`, `location` and the others. */
  readonly system: Namespace<'system'>
  readonly location: {
    /** Resolves when the gateway has this location, or a newer one. Readings in quick succession are joined: one in 5 s is sent. */
    set(location: NodeLocation): Promise<GatewayMethods['node.location.set']['result']>
    get(): Promise<GatewayMethods['node.location.get']['result']>
  }
  readonly status: {
    /** Replaces what was set before; its fields win over those that are read from the platform. Joined like locations. */
    set(status: NodeStatus): Promise<GatewayMethods['node.status.set']['result']>
  }
  readonly pushToken: { set(token: PushToken): Promise<GatewayMethods['node.push_token.set']['result']> }
  readonly #options: NodeOptions
  readonly #ownsClient: boolean
  readonly #report: ErrorReporter
  readonly #clock: Clock
  readonly #status: Publisher<NodeStatus, GatewayMethods['node.status.set']['result']>
  readonly #location: Publisher<NodeLocation, GatewayMethods['node.location.set']['result']>
  readonly #handlers: Map<string, Handler>
  readonly #declared: GatewayMethods['node.register']['params']['capabilities']
  readonly #invocations: Invocations
  readonly #stateListeners: Listeners<[CompanionState]>
  readonly #closing = new AbortController()
  readonly #remove: readonly (() => void)[]
  #state: CompanionState = { name: 'offline' }
  #registered: Deferred<Registration> = deferred()
  #retry: unknown

  constructor(options: CompanionOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#report = options.onError ?? reportError
    this.#stateListeners = new Listeners(this.#report)
    this.nodeId = options.nodeId
    this.#ownsClient = !('client' in options)
    this.client = 'client' in options ? options.client : new GatewayClient({ ...options, autoConnect: false })
    const { client } = this
    this.canvas = namespace(client, 'canvas')
    this.system = namespace(client, 'system')
    const common = { clock: this.#clock, report: this.#report }
    const capabilities = Object.entries(options.capabilities ?? {})
    this.#handlers = new Map(capabilities.map(([name, one]) => [name, typeof one === 'function' ? one : one.run]))
    this.#declared = capabilities.map(([name, one]) => {
      if (typeof one === 'function') return name
      const { description, params } = one
      return { name, ...(description !== undefined && { description }), ...(params && { params: { ...params } }) }
    })
    this.#invocations = new Invocations({
      ...common,
      handlers: this.#handlers,
      answer: (result) => client.call('node.result', result)
    })
    this.#status = new Publisher({
      ...common,
      source: options.status,
      send: (status) => client.call('node.status.set', status)
    })
    this.#location = new Publisher({
      ...common,
      source: options.location,
      send: (location) => client.call('node.location.set', location),
      ignored: 'capturedAt'
    })
    this.status = { set: (status) => this.#status.set(status) }
    this.location = {
      // It may be sent later: the time is that of the reading.
      set: (location) => this.#location.set({ capturedAt: this.#clock.now(), ...location }),
      get: async () => {
        await this.ready
        return await client.call('node.location.get')
      }
    }
    this.pushToken = {
      set: async (token) => {
        await this.ready
        return await client.call('node.push_token.set', token)
      }
    }
    this.#remove = [
      client.onState((state) => {
        if (state.name === 'refused') this.#refuse(state)
        else if (state.name !== 'connected') this.#lose()
      }),
      client.onConnected(() => void this.#register())
    ]
    if ('autoConnect' in options && options.autoConnect) this.connect()
  }

  get state(): CompanionState {
    return this.#state
  }

  /** Resolves when the node is registered, at once when it is; rejects when it was refused, or closed first. */
  get ready(): Promise<Registration> {
    return this.#registered.promise
  }

  /** Aborted by `close`. */
  get signal(): AbortSignal {
    return this.#closing.signal
  }

  /** Opens the connection. It comes back by itself until `close`. */
  connect(): void {
    if (this.#closing.signal.aborted) throw new Error('The companion was closed: make a new one')
    this.client.connect()
  }

  /** Hears every change of `state`. Returns the function that removes the listener. */
  onState(listener: (state: CompanionState) => void): () => void {
    return this.#stateListeners.add(listener)
  }

  /** Reads status and location again, and publishes what has changed: for an event of the platform. */
  refresh(): void {
    this.#status.refresh()
    this.#location.refresh()
  }

  /** Closes the node: handlers are aborted, and its own client is closed. A client that was given stays open. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    const reason = new Disconnected({ sent: false })
    for (const remove of this.#remove) remove()
    // The connection of a client that stays open is still the node: it does nothing any more.
    this.#handlers.clear()
    this.#lose()
    this.#registered.reject(reason)
    this.#status.end(reason)
    this.#location.end(reason)
    this.#closing.abort(reason)
    if (this.#ownsClient) await this.client.close()
  }

  async #register(): Promise<void> {
    const { nodeId, role = 'companion' } = this.#options
    this.#lose({ name: 'registering' })
    const attempt = this.#state
    try {
      const registration = await this.client.call(
        'node.register',
        { nodeId, role, protocolVersion: NODE_PROTOCOL, capabilities: this.#declared },
        { onEvent: ({ data }) => this.#invocations.start(data) }
      )
      if (attempt !== this.#state) return
      this.#enter({ name: 'registered', registration })
      this.#registered.resolve(registration)
      this.#status.start()
      this.#location.start()
    } catch (error) {
      if (attempt !== this.#state || error instanceof Disconnected) return
      if (error instanceof RpcError && !error.retryable) return this.#refuse(error)
      const delay = (error instanceof RpcError ? error.retryAfterMs : undefined) ?? RETRY_MS
      this.#retry = this.#clock.setTimeout(() => void this.#register(), delay)
    }
  }

  /** The registration is gone, with its connection. */
  #lose(next: CompanionState = { name: 'offline' }): void {
    this.#clock.clearTimeout(this.#retry)
    this.#status.stop()
    this.#location.stop()
    this.#invocations.abort(new Disconnected({ sent: true }))
    if (this.#state.name === 'registered' || this.#state.name === 'refused') this.#registered = deferred()
    this.#enter(next)
  }

  #refuse({ code, message }: { readonly code: number; readonly message: string }): void {
    const error = new RpcError({ code, message })
    this.#lose({ name: 'refused', code, message })
    this.#registered.reject(error)
    this.#status.fail(error)
    this.#location.fail(error)
  }

  #enter(state: CompanionState): void {
    if (state.name === 'offline' && this.#state.name === 'offline') return
    this.#state = state
    this.#stateListeners.call(state)
  }
}

/** A node of a gateway. With `autoConnect` it connects at once, else `connect()` does. */
export function createCompanion(options: CompanionOptions): Companion {
  return new Companion(options)
}
