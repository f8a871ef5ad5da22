import type { Clock } from './clock.ts'
import type { ClientConnection, Request } from './connection.ts'
import { Disconnected, RpcError } from './errors.ts'
import type { SessionEvent } from './events.ts'
import { Following, type FollowingHost, type FollowRecord, FROM_THE_START } from './following.ts'
import type { EventFrame } from './frames.ts'
import type { ErrorReporter } from './listeners.ts'
import { type Locks, MessageLocks } from './message-locks.ts'
import type { GatewayMethods } from './methods.ts'
import { Run, type SendOptions } from './run.ts'
import type { Progress, RunHost, SentMessage } from './run-host.ts'
import { Saver } from './saver.ts'
import type { FollowOptions, SessionHost } from './session.ts'
import { uniqueId } from './socket.ts'
import type { Store } from './store.ts'

/** Keys of a store: a message without an outcome, how far it is, and how far a session was followed. */
const SEND = 'flynn:send:'
const PROGRESS = 'flynn:progress:'
const FOLLOW = 'flynn:follow:'
/** Messages without an outcome. One more is `Disconnected`. */
const MAX_UNSETTLED = 10_000

export interface MessagesOptions {
  readonly clock: Clock
  readonly report: ErrorReporter
  /** Keeps messages and cursors across reloads. */
  readonly store: Store | undefined
  /** Decides which of the tabs that share the store sends a message. */
  readonly locks: Locks | undefined
  readonly connection: ClientConnection
  readonly call: <M extends keyof GatewayMethods & string>(
    method: M,
    params: GatewayMethods[M]['params']
  ) => Promise<GatewayMethods[M]['result']>
  /** Hears events that belong to no run. */
  readonly heard: (frame: EventFrame) => void
}

/** The messages of one client that have no outcome yet, and the sessions it follows. */
export class Messages implements RunHost, FollowingHost, SessionHost {
  readonly clock: Clock
  readonly call: MessagesOptions['call']
  readonly #options: MessagesOptions
  readonly #saver: Saver | undefined
  readonly #locks: MessageLocks
  /** By idempotency key, oldest first. */
  readonly #runs = new Map<string, Run>()
  readonly #followings = new Map<string, Following>()
  readonly #followed = new Map<string, FollowRecord>()
  /** Reason why nothing is sent any more, until the next connect. */
  #ended: RpcError | Disconnected | undefined

  constructor(options: MessagesOptions) {
    this.#options = options
    this.clock = options.clock
    this.call = options.call
    this.#saver = options.store && new Saver(options.store, options.clock, options.report)
    this.#locks = new MessageLocks(options.store && options.locks)
  }

  get connected(): boolean {
    return this.#options.connection.connected
  }

  /** Reads the messages and cursors that an earlier client left in the store: those that no other tab has. */
  async restore(): Promise<Run[]> {
    const { store, report } = this.#options
    if (!store) return []
    try {
      await this.flush()
      for (const [id, record] of await readAll<FollowRecord>(store, FOLLOW)) {
        if (!this.#followed.has(id)) this.#followed.set(id, record)
      }
      const runs: Run[] = []
      for (const { key } of (await readAll<SentMessage>(store, SEND)).map(([, message]) => message).sort(byAge)) {
        const taken = this.#runs.has(key) ? undefined : await this.#take(store, key)
        if (taken) runs.push(new Run(this, ...taken))
      }
      if (this.#ended) {
        for (const { id } of runs) this.#locks.free(id)
        return []
      }
      // They go out before those that were sent since.
      const later = [...this.#runs.values()]
      this.#runs.clear()
      for (const run of [...runs, ...later]) this.#runs.set(run.id, run)
      return runs
    } catch (error) {
      report(error)
      return []
    }
  }

  /** Takes a message over. Undefined: another tab has it, or it has its outcome by now. */
  async #take(store: Store, key: string): Promise<[SentMessage, Progress] | undefined> {
    if (!(await this.#locks.take(key))) return undefined
    const message = parsed<SentMessage>(await store.get(SEND + key))
    const progress = parsed<Progress>(await store.get(PROGRESS + key))
    if (message) return [message, progress ?? {}]
    this.#locks.free(key)
    return undefined
  }

  /** There is a new connection: everything goes on. */
  resumeAll(): void {
    this.#ended = undefined
    for (const following of this.#followings.values()) following.connected()
    for (const run of [...this.#runs.values()]) run.advance()
  }

  /** Settles every message without an outcome, and ends every following. The store keeps them for the next client. */
  abandon(error: RpcError | Disconnected): void {
    this.#ended = error
    const runs = [...this.#runs.values()]
    this.#runs.clear()
    for (const run of runs) run.abandon(error)
    // A loop over a session that the user closed ends; one that the gateway refused fails.
    for (const following of [...this.#followings.values()]) following.close(error instanceof RpcError ? error : undefined)
  }

  /** A message may be sent again: the client connects anew. */
  reopen(): void {
    this.#ended = undefined
  }

  /** Resolves when the store has everything. */
  async flush(): Promise<void> {
    await this.#saver?.flush()
  }

  /** Messages of one session without an outcome, oldest first. */
  unsettled(sessionId: string): Run[] {
    return [...this.#runs.values()].filter((run) => run.sessionId === sessionId)
  }

  sendMessage(sessionId: string, message: string, options: SendOptions = {}): Run {
    const { attachments, attachmentIds, queueMode, idempotencyKey = uniqueId(), signal } = options
    const known = this.#runs.get(idempotencyKey)
    if (known?.sessionId === sessionId) return known
    const params = {
      message,
      ...(attachments && { attachments }),
      ...(attachmentIds && { attachmentIds }),
      ...(queueMode && { queueMode })
    }
    const sent: SentMessage = { key: idempotencyKey, sessionId, params, createdAt: this.clock.now() }
    const run = new Run(this, sent, {}, signal)
    if (run.settled) return run
    if (this.#ended) run.abandon(this.#ended)
    else if (this.#runs.size >= MAX_UNSETTLED) run.abandon(new Disconnected({ sent: false }))
    else {
      this.#runs.set(run.id, run)
      void this.#locks.take(run.id)
      this.messageChanged(sent)
      run.advance()
    }
    return run
  }

  follow(sessionId: string, { replay = false }: FollowOptions = {}): AsyncIterableIterator<SessionEvent> {
    const known = this.#followings.get(sessionId)
    if (known) return known.read()
    const following = new Following(this, sessionId, replay ? FROM_THE_START : {})
    const events = following.read()
    if (this.#ended) following.close(this.#ended instanceof RpcError ? this.#ended : undefined)
    else {
      this.#followings.set(sessionId, following)
      if (this.connected) following.connected()
    }
    return events
  }

  send(method: string, params: object, request: Request, subscribe?: boolean): number {
    return this.#options.connection.send(method, params, request, subscribe)
  }

  forget(id: number): void {
    this.#options.connection.forget(id)
  }

  overheard(frame: EventFrame, size: number): void {
    if (frame.sessionId === undefined) return
    const following = this.#followings.get(frame.sessionId)
    if (following) following.overheard(frame, size)
    else if (frame.runId === undefined) this.notice(frame)
  }

  notice(frame: EventFrame): void {
    this.#options.heard(frame)
  }

  runChanged(run: Run): void {
    this.#saver?.save(PROGRESS + run.id, () => JSON.stringify(run.progress))
  }

  messageChanged(message: SentMessage): void {
    this.#saver?.saveNow(SEND + message.key, () => JSON.stringify(message))
  }

  /** Not of one that was given up: the next client goes on with it. */
  runSettled(run: Run): void {
    if (this.#runs.delete(run.id)) this.discard(run.id)
    this.#locks.free(run.id)
  }

  discard(key: string): void {
    for (const prefix of [SEND, PROGRESS]) this.#saver?.saveNow(prefix + key, () => undefined)
  }

  followed(sessionId: string): FollowRecord | undefined {
    return this.#followed.get(sessionId)
  }

  followingChanged(following: Following): void {
    const record = (): string => JSON.stringify(following)
    this.#saver?.save(FOLLOW + following.sessionId, record)
  }

  followingEnded(following: Following): void {
    if (this.#followings.get(following.sessionId) !== following) return
    this.#followings.delete(following.sessionId)
    if (this.#saver) this.#followed.set(following.sessionId, following.toJSON())
  }
}

/** Entries of a store, by the rest of their key. One that cannot be read is left out. */
async function readAll<T>(store: Store, prefix: string): Promise<[string, T][]> {
  const entries: [string, T][] = []
  for (const key of await store.keys(prefix)) {
    const value = parsed<T>(await store.get(key))
    if (value !== undefined) entries.push([key.slice(prefix.length), value])
  }
  return entries
}

function byAge(one: SentMessage, other: SentMessage): number {
  return one.createdAt - other.createdAt
}

function parsed<T>(text: string | undefined): T | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as T)
  } catch {
    return undefined
  }
}
