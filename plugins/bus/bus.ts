import { setImmediate } from 'node:timers/promises'
import { invalidParams, RpcError, sessionNotFound } from '../../rpc/errors.ts'
import { type EventListener, errorOf, type RunOutcome } from '../../rpc/schemas/run-events.ts'
import { type Audience, Hub, type HubOptions } from './hub.ts'
import type { Stream } from './stream.ts'
import { Subscriptions } from './subscriptions.ts'
import type { Result } from './waiter.ts'

export type { Audience } from './hub.ts'
export type { Stream } from './stream.ts'

/** What the bus asks of a stored message. */
interface StoredMessage {
  readonly id: string
  readonly sessionId: string
  /** How many runs it was, or is, part of. */
  readonly attempts: number
  readonly state: string
  /** A `RunOutcome`, once it has an end. */
  readonly outcome: unknown
}

/** Where messages are that the bus no longer, or not yet, knows of. */
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
  /** A run, or a message; absent: whatever the session does or did last. */
  readonly runId?: string | undefined
  /** The number of the newest event that is known already. */
  readonly afterSeq: number
}

/** The hub, and the memory beyond it: what was asked before this connection, or this process, was there. */
export class Bus extends Hub {
  /** Which sessions a connection follows. */
  readonly subscriptions: Subscriptions
  readonly #db: Stores

  constructor({ db, ...options }: BusOptions) {
    super(options)
    this.#db = db
    this.subscriptions = new Subscriptions(this)
  }

  /**
   * Waits for a message that was sent earlier, as if it were sent now: what its runs have said is told, and what they will say.
   * One that has ended is answered at once.
   * @throws RpcError what it was settled with; RequestCancelled when it is not there any more
   */
  async attend(sessionId: string, messageId: string, listener: EventListener, audience: Audience = {}): Promise<Result> {
    return await this.#attend(sessionId, messageId, listener, { ...audience, afterSeq: 0 })
  }

  /**
   * Goes on where a client left off: what came after `afterSeq` is told again, then what comes now, each event once.
   * @returns what `agent.send` answered, or undefined when nothing was ever asked in this session
   * @throws RpcError what the run ended with; SessionNotFound; InvalidRequest for a run or message that is not of this session,
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
    // Of a message that was part of several runs nobody can say which one `afterSeq` counts in.
    const afterSeq = message.attempts > 1 ? 0 : rest.afterSeq
    for (const run of this.runsOf(sessionId, message.id)) assertKept(run, afterSeq)
    return await this.#attend(sessionId, message.id, listener, { ...rest, afterSeq })
  }

  /** Listens first, and looks whether there is anything to wait for then: no end can come in between. */
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
      // One that a run has begun with joins that run within this turn of the event loop.
      if (message?.state === 'running') await setImmediate()
      // It may have joined a run meanwhile, which has more to say than its end.
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
  const message = `is too long ago: events of this run are kept from seq ${firstSeq} on; sessions.get has the whole text`
  const { message: text, data } = invalidParams([{ path: 'params.afterSeq', message }])
  throw new RpcError('InvalidRequest', text, { data: { ...data, runId, firstSeq } })
}
