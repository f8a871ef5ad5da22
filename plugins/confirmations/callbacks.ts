import type { Caller, Peer } from '../../rpc/define.ts'
import { RpcError } from '../../rpc/errors.ts'
import type { EventListener, Notice, RunEvent } from '../../rpc/schemas/run-events.ts'
import type { Bus } from '../bus/index.ts'

/** Limit on sessions whose tool events one connection gets. */
export const MAX_CALLBACKS = 100

interface CallbacksOptions {
  readonly bus: Pick<Bus, 'subscribe'>
  /** Called when a connection no longer gets the tool events of this session. */
  left(sessionId: string): void
}

/** Connections that get the tool events of sessions, until they stop it or their socket closes. */
export class Callbacks {
  readonly #options: CallbacksOptions
  /** Functions that stop a callback, by connection and session. A connection without callbacks has no entry. */
  readonly #stops = new Map<Peer, Map<string, () => void>>()
  /** Callers with a callback, by session. */
  readonly #callers = new Map<string, Map<Peer, Caller>>()

  constructor(options: CallbacksOptions) {
    this.#options = options
  }

  /**
   * Delivers the tool events of a session to the connection from now on, those of its own runs included. A second
   * call replaces the first.
   * @throws RpcError AgentBusy when it has too many callbacks
   */
  add(peer: Peer, caller: Caller, sessionId: string, listener: EventListener): void {
    const known = this.#stops.get(peer)
    if (known?.has(sessionId) !== true && (known?.size ?? 0) >= MAX_CALLBACKS) {
      throw new RpcError(
        'AgentBusy',
        `This connection has tool use callbacks in ${MAX_CALLBACKS} sessions, which is the limit: disable one of them first`
      )
    }
    known?.get(sessionId)?.()
    const stops = known ?? new Map<string, () => void>()
    // Without its connection id: otherwise a connection that follows the run would be left out.
    const stop = this.#options.bus.subscribe(sessionId, {}, (told) => isToolUse(told) && listener(told))
    stops.set(sessionId, stop)
    const callers = this.#callers.get(sessionId) ?? new Map<Peer, Caller>()
    this.#callers.set(sessionId, callers.set(peer, caller))
    if (known === undefined) this.#opened(peer, stops)
  }

  /** Removes a callback. Does nothing when there is none. */
  remove(peer: Peer, sessionId: string): void {
    const stops = this.#stops.get(peer)
    const stop = stops?.get(sessionId)
    if (stops === undefined || stop === undefined) return
    stops.delete(sessionId)
    stop()
    const callers = this.#callers.get(sessionId)
    callers?.delete(peer)
    if (callers?.size === 0) this.#callers.delete(sessionId)
    this.#options.left(sessionId)
  }

  has(peer: Peer, sessionId: string): boolean {
    return this.#stops.get(peer)?.has(sessionId) === true
  }

  /** Callers with a callback in a session, once for each connection. */
  of(sessionId: string): Caller[] {
    return [...(this.#callers.get(sessionId)?.values() ?? [])]
  }

  #opened(peer: Peer, stops: Map<string, () => void>): void {
    this.#stops.set(peer, stops)
    peer.onClose(() => {
      for (const sessionId of [...stops.keys()]) this.remove(peer, sessionId)
      this.#stops.delete(peer)
    })
  }
}

function isToolUse(told: RunEvent | Notice): boolean {
  return 'seq' in told && (told.event === 'tool_start' || told.event === 'tool_end')
}
