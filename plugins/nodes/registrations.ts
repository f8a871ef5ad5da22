import type { Static } from '@sinclair/typebox'
import type { Peer } from '../../rpc/define.ts'
import { RpcError } from '../../rpc/errors.ts'
import type { Check } from '../../rpc/json-schema.ts'
import type { Agreement } from './policy.ts'
import type { NODE_EVENTS } from './schema.ts'

/** RFC 6455 section 7.4.1: the policy of the gateway. */
export const CLOSE_POLICY = 1008

/** A node while its connection lives. */
export interface Registration extends Agreement {
  readonly connection: Peer
  /** Epoch milliseconds. */
  readonly registeredAt: number
  /** Checks of the arguments of the capabilities that have a schema. */
  readonly checks: ReadonlyMap<string, Check>
  /** Sends the node an `invoke` event. */
  invoke(call: Static<typeof NODE_EVENTS.invoke>): void
}

export interface RegistrationsOptions {
  /** Maximum number of nodes registered at once. */
  readonly max: number
  /** The node of `left` is not, or no longer, registered with that connection. Not called when a connection registers it anew. */
  readonly onLeft: (left: Registration, why: string) => void
}

/**
 * Which connection is which node. Live state is keyed by connection, so that a stale socket's end never touches the
 * registration that took its place.
 *
 *     nothing ── add ──▶ registered ── closed ──▶ nothing
 *                        │   ▲  └── another connection adds the same node ──▶ dismissed, for good
 *                        │   │  └── dismiss ──▶ dismissed, for good
 *                        └───┘ add: replaces; with another id, the old one is free
 *
 * Invariant: a connection is one node and a node one connection; both maps hold the same registrations.
 */
export class Registrations {
  readonly #byConnection = new Map<Peer, Registration>()
  readonly #byNode = new Map<string, Registration>()
  /** Lost their node and are being closed: what they still sent must not win it back. */
  readonly #dismissed = new WeakSet<Peer>()
  readonly #options: RegistrationsOptions

  constructor(options: RegistrationsOptions) {
    this.#options = options
  }

  of(connection: Peer): Registration | undefined {
    return this.#byConnection.get(connection)
  }

  node(id: string): Registration | undefined {
    return this.#byNode.get(id)
  }

  ids(): string[] {
    return [...this.#byNode.keys()]
  }

  /**
   * @throws RpcError InvalidRequest when the connection has lost its node, AgentBusy when there are too many
   */
  admit(connection: Peer, id: string): void {
    if (this.#dismissed.has(connection)) {
      throw new RpcError(
        'InvalidRequest',
        'This connection is being closed: its node was forgotten, or registered from another one'
      )
    }
    const { max } = this.#options
    if (this.#byNode.size >= max && !this.#byConnection.has(connection) && !this.#byNode.has(id)) {
      throw new RpcError('AgentBusy', `${max} nodes are registered, more are too many`)
    }
  }

  /** Registers a node in place of the connection's earlier one and of the node's earlier connection. Throws what `admit` throws. */
  add(registration: Registration): void {
    const { connection, node } = registration
    this.admit(connection, node.id)
    const before = this.#byConnection.get(connection)
    const holder = this.#byNode.get(node.id)
    if (before && before.node.id !== node.id) this.#leave(before, 'it is registered under another id now')
    if (holder && holder.connection !== connection) {
      this.#dismiss(holder, 'it was registered from another connection', 'the node was registered from another connection')
    }
    this.#byConnection.set(connection, registration)
    this.#byNode.set(node.id, registration)
    if (before) return
    connection.onClose(() => {
      const last = this.#byConnection.get(connection)
      if (last) this.#leave(last, 'its connection was closed')
    })
  }

  /** Closes the connection of a node, for good. False: it is not connected. */
  dismiss(id: string, why: string, reason: string): boolean {
    const holder = this.#byNode.get(id)
    if (holder) this.#dismiss(holder, why, reason)
    return holder !== undefined
  }

  #dismiss(holder: Registration, why: string, reason: string): void {
    this.#leave(holder, why)
    this.#dismissed.add(holder.connection)
    holder.connection.close(CLOSE_POLICY, reason)
  }

  #leave(registration: Registration, why: string): void {
    this.#byConnection.delete(registration.connection)
    this.#byNode.delete(registration.node.id)
    this.#options.onLeft(registration, why)
  }
}
