import type { Db, ListedSession, RunRow, SessionQuery, SessionRow, ShownMessage } from '../../db/client.ts'
import type { Caller } from '../../rpc/define.ts'
import { invalidParams, sessionNotFound } from '../../rpc/errors.ts'
import { SessionId } from '../../rpc/schemas/session.ts'
import { compile } from '../../rpc/validate.ts'
import type { GatewayInstance } from '../define.ts'
import { copyConversation, type Fork } from './fork.ts'

declare module '../hooks/hooks.ts' {
  interface HookEvents {
    /** A session was created, deleted, or shows something else in a list. */
    'session.changed': { readonly sessionId: string; readonly change: 'created' | 'updated' | 'deleted' }
  }
}

export interface SessionList extends Omit<SessionQuery, 'except'> {
  /** Only sessions with a live connection or with work in their lane. */
  readonly live: boolean
  readonly status?: 'running' | 'waiting' | 'idle' | undefined
}

/** Page of a history. At most one of `before`, `after` and `around` is given; none: the newest messages. */
export interface Page {
  readonly limit: number
  /** Limit on bytes of text. One message is included whatever its length. */
  readonly bytes: number
  /** Id of a message: only older ones. */
  readonly before?: number | undefined
  /** Id of a message: only newer ones, the oldest of them. */
  readonly after?: number | undefined
  /** Id of a message in the middle. */
  readonly around?: number | undefined
}

/** A page of a history, and what belongs to it. */
export interface History {
  readonly session: SessionRow
  /** Oldest first. */
  readonly messages: readonly ShownMessage[]
  /** Runs of these messages, as far as they are kept. */
  readonly runs: readonly RunRow[]
  readonly older: boolean
  readonly newer: boolean
}

/** Parts of the gateway that sessions need. */
type Surroundings = {
  readonly db: Pick<Db, 'sessions' | 'messages' | 'runs' | 'contexts'>
  readonly lanes: Pick<GatewayInstance['lanes'], 'cancel' | 'ids' | 'order' | 'run' | 'snapshot'>
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

  /** Latest message first unless another order is asked for. `total` counts before paging. */
  async list({ live, status, ids: named, ...query }: SessionList): Promise<{ rows: ListedSession[]; total: number }> {
    const busy = this.#lanes.ids()
    const among = (ids: readonly string[]): string[] => ids.filter((id) => named === undefined || named.includes(id))
    const ids = live ? among([...new Set([...this.#connections.sessions(), ...busy])]) : named
    if (status === undefined) return await this.#db.sessions.list({ ...query, ids })
    if (status === 'idle') {
      const except = busy.filter((id) => this.#statusOf(id) !== 'idle')
      return await this.#db.sessions.list({ ...query, ids, except })
    }
    return await this.#db.sessions.list({ ...query, ids: among(busy.filter((id) => this.#statusOf(id) === status)) })
  }

  /**
   * A session and a page of its messages.
   * @throws RpcError SessionNotFound
   */
  async get(id: string, page: Page): Promise<History> {
    const session = await this.#find(id)
    const { messages: store, runs: runStore } = this.#db
    const messages = await this.#messages(id, page)
    const runIds = new Set(messages.map(({ runId }) => runId))
    const runs = runIds.size === 0 ? [] : await runStore.some([...runIds])
    const spoken = messages.filter(({ role }) => role !== 'tool')
    const ends = await store.ends(id)
    const [first, last] = [spoken[0]?.id ?? page.before ?? Number.MAX_SAFE_INTEGER, spoken.at(-1)?.id ?? page.after ?? 0]
    return {
      session,
      messages,
      runs,
      older: ends !== undefined && ends.first < first,
      newer: ends !== undefined && ends.last > last
    }
  }

  /**
   * Changes the title, or what a list shows of the session. A title of null is made again from the next message.
   * @throws RpcError SessionNotFound
   */
  async update(
    id: string,
    { title, ...changes }: Partial<Pick<SessionRow, 'title' | 'pinned' | 'archived'>>,
    caller: Caller
  ): Promise<SessionRow> {
    await this.#find(id)
    const titled = title === undefined ? {} : { title, titledBy: title === null ? null : ('person' as const) }
    const all = { ...titled, ...changes }
    if (Object.keys(all).length > 0) {
      await this.#db.sessions.update(id, all)
      this.#audit.record('sessions.update', caller.id, {
        sessionId: id,
        changed: Object.keys(all).filter((it) => it !== 'titledBy')
      })
      this.#hooks.emit('session.changed', { sessionId: id, change: 'updated' })
    }
    return await this.#find(id)
  }

  /**
   * Makes a new session of the conversation up to a message. Returns the number of copied messages.
   * @throws RpcError SessionNotFound; InvalidRequest when the conversation does not have the message, or the new session exists
   */
  async fork(fork: Fork, caller: Caller): Promise<number> {
    const { title, titledBy, historyFrom } = await this.#find(fork.from)
    const [message] = await this.#db.messages.pageFrom(fork.from, { limit: 1, bytes: 0, from: fork.messageId })
    if (message?.id !== fork.messageId || message.id <= (historyFrom ?? 0)) {
      throw invalidParams([{ path: 'params.messageId', message: 'must be a message of the current conversation' }])
    }
    if (!(await this.open(fork.to)).created) {
      throw invalidParams([{ path: 'params.newSessionId', message: 'must be the id of a session that does not exist' }])
    }
    try {
      const copied = await copyConversation(this.#db, fork)
      await this.#db.sessions.update(fork.to, { title, titledBy })
      this.#audit.record('sessions.fork', caller.id, { sessionId: fork.from, newSessionId: fork.to })
      return copied
    } catch (cause) {
      // Half a conversation is worth nothing.
      await this.#db.sessions.remove(fork.to)
      throw cause
    }
  }

  /**
   * Records the newest message that a caller has read: `upTo`, or the newest of all. Returns the number of unread ones.
   * @throws RpcError SessionNotFound
   */
  async markRead(id: string, caller: Caller, upTo?: number): Promise<number> {
    await this.#find(id)
    await this.#db.sessions.markRead(id, caller.id, upTo)
    this.#hooks.emit('session.changed', { sessionId: id, change: 'updated' })
    const { rows } = await this.#db.sessions.list({ ids: [id], principal: caller.id, limit: 1, offset: 0 })
    return rows[0]?.unread ?? 0
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

  async #messages(id: string, { limit, bytes, before, after, around }: Page): Promise<ShownMessage[]> {
    const { messages } = this.#db
    if (after !== undefined) return await messages.pageFrom(id, { limit, bytes, from: after + 1 })
    if (around === undefined) return await messages.page(id, { limit, bytes, before })
    const half = bytes / 2
    const from = await messages.pageFrom(id, { limit: Math.ceil(limit / 2), bytes: half, from: around })
    const left = limit - Math.ceil(limit / 2)
    const older = left === 0 ? [] : await messages.page(id, { limit: left, bytes: half, before: from[0]?.id ?? around })
    return [...older, ...from]
  }

  #statusOf(id: string): 'running' | 'waiting' | 'idle' {
    const { running, depth } = this.#lanes.snapshot(id)
    return running ? 'running' : depth > 0 ? 'waiting' : 'idle'
  }

  async #find(id: string): Promise<SessionRow> {
    const session = await this.#db.sessions.get(id)
    if (!session) throw sessionNotFound(id)
    return session
  }
}
