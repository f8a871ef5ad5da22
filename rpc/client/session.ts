import type { SessionEvent } from './events.ts'
import type { GatewayMethods } from './methods.ts'
import type { Run, SendOptions } from './run.ts'

export interface FollowOptions {
  /** Also brings the earlier runs of the session that the gateway still has, oldest first. Default: false. */
  readonly replay?: boolean
}

/** Client of a session, as far as the session needs it. */
export interface SessionHost {
  sendMessage(sessionId: string, message: string, options?: SendOptions): Run
  follow(sessionId: string, options?: FollowOptions): AsyncIterableIterator<SessionEvent>
  unsettled(sessionId: string): Run[]
  discard(key: string): void
  call<M extends 'agent.cancel'>(method: M, params: GatewayMethods[M]['params']): Promise<GatewayMethods[M]['result']>
}

/** One conversation. Costs nothing and holds nothing: make as many as you like. */
export class Session {
  /** `<frontend>:<key>` */
  readonly id: string
  readonly #host: SessionHost

  /** Made by `gateway.session(id)`. */
  constructor(host: SessionHost, id: string) {
    this.#host = host
    this.id = id
  }

  /**
   * Sends a message. It waits for a connection, survives breaks of it, and is never started twice. The handle comes at once.
   */
  send(message: string, options?: SendOptions): Run {
    return this.#host.sendMessage(this.id, message, options)
  }

  /**
   * Cancels what runs and waits in this session: your own messages, with the scope `operate` those of everyone. `keepQueue` leaves what
   * waits, which then runs; `reason` becomes part of the error that those who asked get.
   * @returns false when there was nothing to cancel
   * @throws RpcError, Disconnected, TimedOut
   */
  async cancel({ keepQueue, reason }: { readonly keepQueue?: boolean; readonly reason?: string } = {}): Promise<boolean> {
    return (await this.#host.call('agent.cancel', { sessionId: this.id, keepQueue, reason })).cancelled
  }

  /**
   * Events of every run from now on, of every sender, across reconnects: no gap, no repeat. A run that is under way is
   * told from its beginning. Leave the loop to stop.
   * @throws RpcError when the gateway refuses; Disconnected when the client was refused
   */
  follow(options?: FollowOptions): AsyncIterableIterator<SessionEvent> {
    return this.#host.follow(this.id, options)
  }

  /** Messages of this client that have no outcome yet, oldest first; with a store also those from before a reload, once `gateway.restored` has resolved. */
  unsettled(): Run[] {
    return this.#host.unsettled(this.id)
  }

  /** Removes a message from the store that was given up when the client was closed or refused: no later client sends it. `key`: its `run.id`. */
  discard(key: string): void {
    this.#host.discard(key)
  }
}
