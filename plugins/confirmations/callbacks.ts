import type { Caller, Peer } from '../../rpc/define.ts'
import { RpcError } from '../../rpc/errors.ts'
import type { EventListener, Notice, RunEvent } from '../../rpc/schemas/run-events.ts'
import type { Bus } from '../bus/index.ts'

/** Sessions whose tool use one connection may be told of. */
export const MAX_CALLBACKS = 100

interface CallbacksOptions {
  readonly bus: Pick<Bus, 'subscribe'>
  /** Somebody is not there any more who was told of the tools of this session. */
  left(sessionId: string): void
}

/** Which connections are told of the tools of which sessions, until they stop that or their socket is gone. */
export class Callbacks {
  readonly #options: CallbacksOptions
  /** By connection, how to stop, by session. A connection that is told of none has no place here. */
  readonly #stops = new Map<Peer, Map<string, () => void>>()
  /** By session, who is told. */
  readonly #callers = new Map<string, Map<Peer, Caller>>()

  constructor(options: CallbacksOptions) {
    this.#options = options
  }

  /**
   * From now on the connection is told when a tool of the session starts and ends, whoever asked, itself included. A second
   * time replaces the first.
   * @throws RpcError AgentBusy when it is told of too many sessions
   */
  add(peer: Peer, caller: Caller, sessionId: string, listener: EventListener): void {
    const known = this.#stops.get(peer)
    if (known?.has(sessionId) !== true && (known?.size ?? 0) >= MAX_CALLBACKS) {
      throw new RpcError(
        'AgentBusy',
        `This connection has tool use callbacks in ${MAX_CALLBACKS} sessions, more are too many: disable one of them first`
      )
    }
    known?.get(sessionId)?.()
    const stops = known ?? new Map<string, () => void>()
    // Without its connection: a subscriber whose connection follows the run as well would be left out.
    const stop = this.#options.bus.subscribe(sessionId, {}, (told) => isToolUse(told) && listener(told))
    stops.set(sessionId, stop)
    const callers = this.#callers.get(sessionId) ?? new Map<Peer, Caller>()
    this.#callers.set(sessionId, callers.set(peer, caller))
    if (known === undefined) this.#opened(peer, stops)
  }

  /** Harmless when there is none. */
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

  /** Who is told of the tools of a session, once for each connection. */
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
