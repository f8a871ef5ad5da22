import type { Peer } from '../../rpc/define.ts'
import { RpcError } from '../../rpc/errors.ts'
import type { EventListener } from '../../rpc/schemas/run-events.ts'
import type { Hub } from './hub.ts'

/** Sessions that one connection may follow. */
export const MAX_SUBSCRIPTIONS = 100

/** The sessions that connections follow, until they stop or their socket is gone. */
export class Subscriptions {
  readonly #hub: Hub
  /** How to stop, by session. A connection that follows none has no place here. */
  readonly #of = new Map<Peer, Map<string, () => void>>()

  constructor(hub: Hub) {
    this.#hub = hub
  }

  /**
   * From now on the connection is told every event of the session's runs. A second time replaces the first.
   * @returns the runs under way, each with the number of its newest event
   * @throws RpcError AgentBusy when it follows too many sessions
   */
  add(peer: Peer, sessionId: string, listener: EventListener): { runId: string; seq: number }[] {
    const known = this.#of.get(peer)
    if (known?.has(sessionId) !== true && (known?.size ?? 0) >= MAX_SUBSCRIPTIONS) {
      throw new RpcError(
        'AgentBusy',
        `This connection follows ${MAX_SUBSCRIPTIONS} sessions, more are too many: sessions.unsubscribe from one of them first`
      )
    }
    known?.get(sessionId)?.()
    const stops = known ?? new Map<string, () => void>()
    stops.set(sessionId, this.#hub.subscribe(sessionId, { connectionId: peer.id }, listener))
    if (known === undefined) this.#opened(peer, stops)
    return this.#hub.underWay(sessionId).map(({ runId, seq }) => ({ runId, seq }))
  }

  /** Harmless when there is none. */
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
