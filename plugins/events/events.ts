import type { TSchema } from '@sinclair/typebox'
import type { FastifyBaseLogger } from 'fastify'
import type { Caller, Peer, Requirement } from '../../rpc/define.ts'
import { allows, type Registry } from '../../rpc/registry.ts'
import type { Connections } from '../connections/index.ts'
import type { GatewayInstance } from '../define.ts'

/** Time in which changes of one thing become one event. */
export const COALESCE_MS = 100
/** Changed things of one kind that wait to be published. Beyond it subscribers get `lost` and load the list again. */
export const MAX_CHANGED = 1000

type Make = () => unknown

interface EventsOptions {
  readonly rpc: Pick<Registry<GatewayInstance>, 'event'>
  readonly connections: Pick<Connections, 'publish' | 'lose' | 'wanting'>
  readonly log: Pick<FastifyBaseLogger, 'error'>
}

/**
 * Events of the gateway as a whole, by kind. A connection subscribes to a kind with `events.subscribe`, or by its name in `system.hello`.
 * Nothing is made of a kind that no connection wants. A connection that reads slowly misses events and gets the event `lost` instead, so
 * that no subscriber costs memory.
 */
export class Events {
  readonly #options: EventsOptions
  readonly #scopes = new Map<string, Requirement>()
  readonly #subscribers = new Map<string, Set<Peer>>()
  readonly #known = new WeakSet<Peer>()
  /** Changes that wait for the end of `COALESCE_MS`, by kind and thing. */
  readonly #changed = new Map<string, Map<string, Make>>()
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: EventsOptions) {
    this.#options = options
  }

  /**
   * Adds a kind of events.
   * @throws Error for a name that is taken or malformed; it stops the start
   */
  kind(name: string, data: TSchema, { scope }: { readonly scope: Requirement }): void {
    this.#options.rpc.event(name, data, { scope })
    this.#scopes.set(name, scope)
  }

  /** Names of all kinds. */
  kinds(): string[] {
    return [...this.#scopes.keys()]
  }

  /** Subscribes a connection to the kinds that exist and that its caller may receive. Returns all kinds that it is subscribed to. */
  subscribe(peer: Peer, caller: Caller, kinds: readonly string[]): string[] {
    if (!this.#known.has(peer)) {
      this.#known.add(peer)
      peer.onClose(() => this.unsubscribe(peer))
    }
    for (const kind of kinds) {
      const scope = this.#scopes.get(kind)
      if (scope === undefined || !allows(caller, scope)) continue
      const peers = this.#subscribers.get(kind) ?? new Set<Peer>()
      this.#subscribers.set(kind, peers.add(peer))
    }
    return this.of(peer)
  }

  /** Ends subscriptions of a connection: those to these kinds, or all. */
  unsubscribe(peer: Peer, kinds: readonly string[] = this.kinds()): void {
    for (const kind of kinds) this.#subscribers.get(kind)?.delete(peer)
  }

  /** Kinds that a connection is subscribed to. */
  of(peer: Peer): string[] {
    return this.kinds().filter((kind) => this.#subscribers.get(kind)?.has(peer))
  }

  /** Connections that get the events of a kind, with their callers. */
  audience(kind: string): { readonly peer: Peer; readonly caller: Caller }[] {
    return this.#options.connections.wanting(kind, this.#subscribers.get(kind))
  }

  /** True if a connection gets the events of a kind, or did until it was closed. */
  wants(peer: Peer, kind: string): boolean {
    return peer.events.has(kind) || this.#subscribers.get(kind)?.has(peer) === true
  }

  /** True if any connection gets the events of a kind. */
  wanted(kind: string): boolean {
    return this.audience(kind).length > 0
  }

  /** Sends an event to the subscribers of its kind. `data` is plain, and must not change afterwards. */
  publish(kind: string, data: unknown): void {
    this.#options.connections.publish(kind, data, this.#subscribers.get(kind))
  }

  /** Sends the event that `make` returns, once for all changes of the same thing within 100 ms. An undefined one is not sent. */
  changed(kind: string, thing: string, make: Make): void {
    if (this.#closed || !this.wanted(kind)) return
    const things = this.#changed.get(kind) ?? new Map<string, Make>()
    if (things.size >= MAX_CHANGED && !things.has(thing)) {
      this.#options.connections.lose(kind, this.#subscribers.get(kind))
      return
    }
    this.#changed.set(kind, things.set(thing, make))
    this.#timer ??= setTimeout(() => void this.#flush(), COALESCE_MS).unref()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#changed.clear()
  }

  async #flush(): Promise<void> {
    this.#timer = undefined
    const changed = [...this.#changed]
    this.#changed.clear()
    for (const [kind, things] of changed) {
      for (const make of things.values()) {
        try {
          const data = await make()
          if (this.#closed) return
          if (data !== undefined) this.publish(kind, data)
        } catch (err) {
          this.#options.log.error({ err, kind }, 'failed to make an event')
        }
      }
    }
  }
}
