import { setImmediate } from 'node:timers/promises'
import { invalidParams, RpcError, sessionNotFound } from '../../rpc/errors.ts'
import { type EventListener, errorOf, type RunOutcome } from '../../rpc/schemas/run-events.ts'
import { type Audience, Hub, type HubOptions } from './hub.ts'
import type { Stream } from './stream.ts'
import { Subscriptions } from './subscriptions.ts'
import type { Result } from './waiter.ts'

export type { Audience } from './hub.ts'
export type { Stream } from './stream.ts'

/** Fields of a stored message that the bus reads. */
interface StoredMessage {
  readonly id: string
  readonly sessionId: string
  /** Number of runs that it was part of. */
  readonly attempts: number
  readonly state: string
  /** A `RunOutcome`, once it has an end. */
  readonly outcome: unknown
}

/** Messages that the bus does not know any more, or not yet. */
interface Stores {
  readonly queue: {
    get(messageId: string): Promise<StoredMessage | undefined>
    byRun(runId: string): Promise<StoredMessage | undefined>
    /** The session's newest message. */
    latest(sessionId: string): Promise<StoredMessage | undefined>
  }
  readonly sessions: { get(sessionId: string): Promise<unknown> }
}

interface BusOptions extends HubOptions {
  readonly db: Stores
}

interface Resume extends Audience {
  readonly sessionId: string
  /** A run or a message. Default: the active or latest run of the session. */
  readonly runId?: string | undefined
  /** Number of the newest event that the client has. */
  readonly afterSeq: number
}

/** The hub with the database behind it, for messages from before this connection or this process. */
export class Bus extends Hub {
  /** Sessions that connections follow. */
  readonly subscriptions: Subscriptions
  readonly #db: Stores

  constructor({ db, ...options }: BusOptions) {
    super(options)
    this.#db = db
    this.subscriptions = new Subscriptions(this)
  }

  /**
   * Waits for a message that was sent earlier, as if it were sent now: replays the events of its runs, then follows them. A message that has
   * ended is answered at once.
   * @throws RpcError the error of the message; RequestCancelled when it was removed with its session
   */
  async attend(sessionId: string, messageId: string, listener: EventListener, audience: Audience = {}): Promise<Result> {
    return await this.#attend(sessionId, messageId, listener, { ...audience, afterSeq: 0 })
  }

  /**
   * Continues where a client stopped: replays the events after `afterSeq`, then follows new ones, each event once.
   * @returns the result of `agent.send`, or undefined when no message was ever sent to this session
   * @throws RpcError the error of the run; SessionNotFound; InvalidRequest for a run or message that is not of this session,
   *   and for events that are no longer kept
   */
  async resume({ sessionId, runId, ...rest }: Resume, listener: EventListener): Promise<Result | undefined> {
    const stream = runId === undefined ? this.newest(sessionId) : this.find(sessionId, runId)
    if (stream !== undefined) {
      assertKept(stream, rest.afterSeq)
      return await this.replay(stream, rest, listener).outcome
    }
    const message = await (runId === undefined ? this.#db.queue.latest(sessionId) : this.#find(sessionId, runId))
    if (message === undefined) {
      if (await this.#db.sessions.get(sessionId)) return undefined
      throw sessionNotFound(sessionId)
    }
    // `afterSeq` counts in one run. It means nothing for a message that was part of several.
    const afterSeq = message.attempts > 1 ? 0 : rest.afterSeq
    for (const run of this.runsOf(sessionId, message.id)) assertKept(run, afterSeq)
    return await this.#attend(sessionId, message.id, listener, { ...rest, afterSeq })
  }

  /** Follows first, and only then reads the stored state: no end can be missed in between. */
  async #attend(
    sessionId: string,
    messageId: string,
    listener: EventListener,
    rest: Audience & { afterSeq: number }
  ): Promise<Result> {
    const following = this.follow({ ...rest, sessionId, messageId }, listener)
    const isPartOfRun = (): boolean => this.runsOf(sessionId, messageId).length > 0
    if (isPartOfRun()) return await following.outcome
    try {
      const message = await this.#db.queue.get(messageId)
      // A claimed message joins its run within this turn of the event loop.
      if (message?.state === 'running') await setImmediate()
      // By now it may have joined a run, which has more events than its end.
      if (isPartOfRun() || message?.state === 'queued') return await following.outcome
      if (message?.state === 'running')
        throw new RpcError('InternalError', 'The message has ended, but its outcome could not be stored')
      if (message === undefined) throw new RpcError('RequestCancelled', 'The message is gone, with its session')
      const settled = message.outcome as RunOutcome
      if ('error' in settled) throw errorOf(settled.error)
      return settled.result
    } finally {
      following.stop()
    }
  }

  /** @throws RpcError InvalidRequest when there is none of that id in this session */
  async #find(sessionId: string, id: string): Promise<StoredMessage> {
    const message = (await this.#db.queue.get(id)) ?? (await this.#db.queue.byRun(id))
    if (message?.sessionId === sessionId) return message
    throw invalidParams([{ path: 'params.runId', message: 'names no run and no message of this session' }])
  }
}

/** @throws RpcError InvalidRequest when events that come after `afterSeq` are gone */
function assertKept({ runId, firstSeq }: Stream, afterSeq: number): void {
  if (afterSeq + 1 >= firstSeq) return
  const message = `is too old: events of this run are kept from seq ${firstSeq} on; sessions.get has the whole text`
  const { message: text, data } = invalidParams([{ path: 'params.afterSeq', message }])
  throw new RpcError('InvalidRequest', text, { data: { ...data, runId, firstSeq } })
}
