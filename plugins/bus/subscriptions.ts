import type { Peer } from '../../rpc/define.ts'
import { RpcError } from '../../rpc/errors.ts'
import type { EventListener } from '../../rpc/schemas/run-events.ts'
import type { Hub } from './hub.ts'

/** Limit on sessions that one connection follows. */
export const MAX_SUBSCRIPTIONS = 100

/** Sessions that connections follow, until they unsubscribe or their socket closes. */
export class Subscriptions {
  readonly #hub: Hub
  /** Functions that stop a subscription, by session. A connection without subscriptions has no entry. */
  readonly #of = new Map<Peer, Map<string, () => void>>()

  constructor(hub: Hub) {
    this.#hub = hub
  }

  /**
   * Delivers every event of the session's runs to the connection from now on. A second call replaces the first.
   * @returns the runs under way, each with the number of its newest event
   * @throws RpcError AgentBusy when it follows too many sessions
   */
  add(peer: Peer, sessionId: string, listener: EventListener): { runId: string; seq: number }[] {
    const known = this.#of.get(peer)
    if (known?.has(sessionId) !== true && (known?.size ?? 0) >= MAX_SUBSCRIPTIONS) {
      throw new RpcError(
        'AgentBusy',
        `This connection follows ${MAX_SUBSCRIPTIONS} sessions, which is the limit: call sessions.unsubscribe for one of them first`
      )
    }
    known?.get(sessionId)?.()
    const stops = known ?? new Map<string, () => void>()
    stops.set(sessionId, this.#hub.subscribe(sessionId, { connectionId: peer.id }, listener))
    if (known === undefined) this.#opened(peer, stops)
    return this.#hub.underWay(sessionId).map(({ runId, seq }) => ({ runId, seq }))
  }

  /** Removes a subscription. Does nothing when there is none. */
  remove(peer: Peer, sessionId: string): void {
    const stops = this.#of.get(peer)
    stops?.get(sessionId)?.()
    stops?.delete(sessionId)
  }

  #opened(peer: Peer, stops: Map<string, () => void>): void {
    this.#of.set(peer, stops)
    peer.onClose(() => {
      this.#of.delete(peer)
      for (const stop of stops.values()) stop()
    })
  }
}
