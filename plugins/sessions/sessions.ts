import type { Db, SessionRow, ShownMessage } from '../../db/client.ts'
import type { Caller } from '../../rpc/define.ts'
import { invalidParams, sessionNotFound } from '../../rpc/errors.ts'
import { SessionId } from '../../rpc/schemas/session.ts'
import { compile } from '../../rpc/validate.ts'
import type { GatewayInstance } from '../define.ts'

declare module '../hooks/hooks.ts' {
  interface HookEvents {
    /** A session was created, deleted, or shows something else in a list. */
    'session.changed': { readonly sessionId: string; readonly change: 'created' | 'updated' | 'deleted' }
  }
}

export interface SessionList {
  /** Only sessions with a live connection or with work in their lane. */
  readonly live: boolean
  readonly frontend?: string | undefined
  readonly limit: number
  readonly offset: number
}

export interface Page {
  readonly limit: number
  /** Limit on bytes of text. The newest message is included whatever its length. */
  readonly bytes: number
  /** Id of a message: only older ones. */
  readonly before?: number | undefined
}

/** Parts of the gateway that sessions need. */
type Surroundings = {
  readonly db: Pick<Db, 'sessions' | 'messages'>
  readonly lanes: Pick<GatewayInstance['lanes'], 'cancel' | 'ids' | 'order' | 'run'>
  readonly connections: Pick<GatewayInstance['connections'], 'sessions'>
  readonly bus: Pick<GatewayInstance['bus'], 'forget'>
  readonly audit: Pick<GatewayInstance['audit'], 'record'>
  readonly hooks: Pick<GatewayInstance['hooks'], 'emit'>
  readonly now?: () => number
}

/** Owner of the internal turn that deletes a session. */
const REMOVAL = 'sessions.delete'

const check = compile<string>(SessionId, 'sessionId')

/** Conversations. Each has a row that is created on first use, and a lane of the same id. */
export class Sessions {
  readonly #db: Surroundings['db']
  readonly #lanes: Surroundings['lanes']
  readonly #connections: Surroundings['connections']
  readonly #bus: Surroundings['bus']
  readonly #audit: Surroundings['audit']
  readonly #hooks: Surroundings['hooks']
  readonly #now: () => number
  readonly #removals: ((sessionId: string) => Promise<void>)[] = []

  constructor({ db, lanes, connections, bus, audit, hooks, now = Date.now }: Surroundings) {
    this.#db = db
    this.#lanes = lanes
    this.#connections = connections
    this.#bus = bus
    this.#audit = audit
    this.#hooks = hooks
    this.#now = now
  }

  /** @throws RpcError InvalidRequest when `id` is not `<frontend>:<key>` */
  check(id: string): void {
    const checked = check(id)
    if ('issues' in checked) throw invalidParams(checked.issues)
  }

  /**
   * Creates the session if necessary.
   * @throws RpcError InvalidRequest when `id` is not `<frontend>:<key>`
   */
  async open(id: string): Promise<{ created: boolean }> {
    this.check(id)
    const opened = await this.#db.sessions.open(id, this.#now())
    if (opened.created) this.#hooks.emit('session.changed', { sessionId: id, change: 'created' })
    return opened
  }

  /** Latest message first. `total` counts before paging. */
  async list({ live, ...query }: SessionList): Promise<{ rows: SessionRow[]; total: number }> {
    const ids = live ? [...new Set([...this.#connections.sessions(), ...this.#lanes.ids()])] : undefined
    return await this.#db.sessions.list({ ...query, ids })
  }

  /**
   * A session and its newest messages, oldest first.
   * @throws RpcError SessionNotFound
   */
  async get(id: string, page: Page): Promise<{ session: SessionRow; messages: ShownMessage[] }> {
    const session = await this.#find(id)
    return { session, messages: await this.#db.messages.page(id, page) }
  }

  /**
   * Adds a removal that `sessions.delete` awaits in the same turn, for data of a session outside the database. When it rejects, the
   * session stays, so that the deletion can be repeated.
   */
  onRemove(remove: (sessionId: string) => Promise<void>): void {
    this.#removals.push(remove)
  }

  /**
   * Cancels the run and the waiting messages of the session, then removes all its data. The removal takes its turn in the lane:
   * a later message begins the session anew.
   * @throws RpcError SessionNotFound
   */
  async remove(id: string, caller: Caller): Promise<void> {
    const { removal } = await this.#lanes.order.run(id, async () => {
      const { freed } = this.#lanes.cancel(id)
      const run = async (): Promise<boolean> => {
        // Cancelled messages are stored as ended by then, and are removed too.
        await freed
        for (const remove of this.#removals) await remove(id)
        return await this.#db.sessions.remove(id)
      }
      return { removal: this.#lanes.run(id, { owner: REMOVAL, pinned: true, run }) }
    })
    const removed = await removal
    // Its runs must not be replayed either.
    this.#bus.forget(id)
    if (!removed) throw sessionNotFound(id)
    this.#hooks.emit('session.changed', { sessionId: id, change: 'deleted' })
    this.#audit.record('sessions.delete', caller.id, { sessionId: id })
  }

  async #find(id: string): Promise<SessionRow> {
    const session = await this.#db.sessions.get(id)
    if (!session) throw sessionNotFound(id)
    return session
  }
}
