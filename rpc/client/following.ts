import type { Clock } from './clock.ts'
import type { Request } from './connection.ts'
import { Disconnected, RpcError } from './errors.ts'
import { EventLog } from './event-log.ts'
import { gap, type RunEvent, runEventOf, type SessionEvent, type SessionNotice } from './events.ts'
import type { EventFrame } from './frames.ts'
import type { GatewayMethods } from './methods.ts'

/** Runs of one session that are remembered: what comes again is about the newest. */
const MAX_RUNS = 1000
/** Runs that are written to a store. */
const STORED_RUNS = 50
/** Messages of the history on one page, and pages that are read back at most, when runs were missed. */
const PAGE = 200
const MAX_PAGES = 10
/** Pause before a resume that the gateway had no room for. */
const RETRY_MS = 1000

const SESSION_NOT_FOUND = 1
const AGENT_BUSY = 3

type ReadMethod = 'sessions.get' | 'sessions.unsubscribe'

/** Client of a following, as far as it is needed. */
export interface FollowingHost {
  readonly clock: Clock
  readonly connected: boolean
  send(method: string, params: object, request: Request, subscribe?: boolean): number
  forget(id: number): void
  call<M extends ReadMethod>(method: M, params: GatewayMethods[M]['params']): Promise<GatewayMethods[M]['result']>
  /** Position of an earlier following of the session. Known once connected. */
  followed(sessionId: string): FollowRecord | undefined
  followingChanged(following: Following): void
  /** No one follows the session any more. */
  followingEnded(following: Following): void
  /** Hears events that belong to no run. */
  notice(frame: EventFrame): void
}

/** Position of a following, as stored. */
export interface FollowRecord {
  /** Newest message of the history that is accounted for; undefined before the first connection. */
  baseline?: number
  /** Newest event seen of each run, and whether it was the last one. */
  runs?: [runId: string, seq: number, ended: boolean][]
}

/** Start of a following that brings the whole history. */
export const FROM_THE_START: FollowRecord = { baseline: 0 }

interface Known {
  seq: number
  ended: boolean
}

/**
 * Every event of one session's runs, each once and in order, over as many connections as it takes.
 *
 * After each connect the client subscribes to the session and resumes the current runs and those it missed, each
 * from the last event seen. An event may come over several requests: the subscription, a resume, a message of this client. Whichever
 * brings the next event of a run is taken. An event after a gap is not taken: the missing part is resumed, and until that ends the
 * resume alone is listened to for this run.
 */
export class Following {
  readonly sessionId: string
  readonly #host: FollowingHost
  readonly #logs = new Set<EventLog<SessionEvent>>()
  readonly #runs = new Map<string, Known>()
  /** Requests that replay a run, by its id. */
  readonly #resumes = new Map<string, number>()
  readonly #start: FollowRecord
  #baseline: number | undefined
  #subscription: number | undefined
  /** Goes up with every connection: what an older one began is dropped. */
  #epoch = 0
  /** Missed runs are being replayed, oldest first. Runs that begin during the replay wait. */
  #recovering = false
  readonly #waiting = new Set<string>()
  readonly #timers = new Set<unknown>()

  /** `start`: where to begin when the session was not followed before. */
  constructor(host: FollowingHost, sessionId: string, start: FollowRecord = {}) {
    this.#host = host
    this.sessionId = sessionId
    this.#start = start
  }

  /** The events from now on. Ends with `close`, or when the iteration is left. */
  read(): AsyncIterableIterator<SessionEvent> {
    const log = new EventLog<SessionEvent>({ keep: false })
    this.#logs.add(log)
    return log.read(() => {
      this.#logs.delete(log)
      if (this.#logs.size === 0) this.#stop()
    })
  }

  /** There is a new connection. */
  connected(): void {
    if (this.#logs.size === 0) return
    if (this.#epoch === 0) this.#restore(this.#host.followed(this.sessionId) ?? this.#start)
    const epoch = this.#reset()
    const settle = (error: Error | undefined, result?: unknown): void => {
      if (epoch !== this.#epoch || error instanceof Disconnected) return
      if (error) {
        this.close(error)
        return
      }
      void this.#catchUp(epoch, result as GatewayMethods['sessions.subscribe']['result'])
    }
    const onEvent = (frame: EventFrame, size: number): void => this.overheard(frame, size)
    this.#subscription = this.#host.send('sessions.subscribe', { sessionId: this.sessionId }, { onEvent, settle }, true)
  }

  /** A frame of a subscription, or of a message of this client. */
  overheard(frame: EventFrame, size: number): void {
    const event = runEventOf(frame)
    if (event) this.#take(event, size)
    else if (frame.runId === undefined) {
      this.#host.notice(frame)
      const { event: name, data } = frame
      this.#tell({ event: name, data, sessionId: this.sessionId } as SessionNotice, size)
    }
  }

  /** Ends every iteration, with an error where there is one. */
  close(error?: Error): void {
    for (const log of [...this.#logs]) log.end(error)
    this.#logs.clear()
    this.#reset()
    this.#host.followingEnded(this)
  }

  toJSON(): FollowRecord {
    const runs = [...this.#runs].slice(-STORED_RUNS)
    return {
      ...(this.#baseline === undefined ? {} : { baseline: this.#baseline }),
      runs: runs.map(([runId, { seq, ended }]) => [runId, seq, ended])
    }
  }

  #restore({ baseline, runs = [] }: FollowRecord): void {
    this.#baseline = baseline
    for (const [runId, seq, ended] of runs) this.#runs.set(runId, { seq, ended })
  }

  #stop(): void {
    this.#reset()
    if (this.#subscription !== undefined && this.#host.connected) {
      this.#host.forget(this.#subscription)
      this.#host.call('sessions.unsubscribe', { sessionId: this.sessionId }).catch(() => {})
    }
    this.#host.followingEnded(this)
  }

  #reset(): number {
    for (const id of this.#resumes.values()) this.#host.forget(id)
    this.#resumes.clear()
    for (const timer of this.#timers) this.#host.clock.clearTimeout(timer)
    this.#timers.clear()
    this.#waiting.clear()
    this.#recovering = false
    return ++this.#epoch
  }

  /** Replays what was missed, in the order in which it happened. */
  async #catchUp(epoch: number, { runs }: GatewayMethods['sessions.subscribe']['result']): Promise<void> {
    const live = new Set(runs.map(({ runId }) => runId))
    // Remembered as soon as they are heard of: the connection may break before they are replayed.
    for (const runId of live) this.#expect(runId)
    this.#recovering = true
    try {
      for (const runId of await this.#missed(live)) {
        if (epoch !== this.#epoch) return
        await this.#replayed(runId)
      }
    } catch (error) {
      // Disconnected: the next connection starts over. Refused: new events are followed anyway.
      if (error instanceof Disconnected) return
    }
    if (epoch !== this.#epoch) return
    this.#recovering = false
    for (const runId of new Set([...live, ...this.#waiting])) if (!this.#runs.get(runId)?.ended) this.#resume(runId)
    this.#waiting.clear()
  }

  /** Runs that ended, or began and ended, while there was no connection; oldest first. */
  async #missed(live: ReadonlySet<string>): Promise<string[]> {
    const known = this.#baseline
    const found = await this.#history(known)
    const open = [...this.#runs].filter(([runId, { ended }]) => !ended && !live.has(runId)).map(([runId]) => runId)
    if (known === undefined) return open
    const unknown = [...new Set(found)].filter((runId) => !this.#runs.has(runId))
    for (const runId of unknown) this.#expect(runId)
    return [...open, ...unknown]
  }

  /** Runs in the history after the message `after`, oldest first. Moves the baseline to the newest message. */
  async #history(after: number | undefined): Promise<string[]> {
    const runIds: string[] = []
    let before: number | undefined
    let newest = after ?? 0
    for (let page = 0; page < MAX_PAGES; page++) {
      const limit = after === undefined ? 1 : PAGE
      const entries = await this.#page(before === undefined ? { limit } : { limit, before })
      newest = Math.max(newest, entries.at(-1)?.id ?? 0)
      const fresh = entries.filter(({ id }) => id > (after ?? 0))
      runIds.unshift(...fresh.map(({ runId }) => runId))
      before = entries[0]?.id
      if (after === undefined || fresh.length < entries.length || before === undefined) break
    }
    this.#baseline = newest
    this.#host.followingChanged(this)
    return runIds
  }

  async #page(range: { limit: number; before?: number }): Promise<GatewayMethods['sessions.get']['result']['history']> {
    try {
      return (await this.#host.call('sessions.get', { sessionId: this.sessionId, ...range })).history
    } catch (error) {
      if (error instanceof RpcError && error.code === SESSION_NOT_FOUND) return []
      throw error
    }
  }

  #replayed(runId: string): Promise<void> {
    return new Promise((resolve, reject) => this.#resume(runId, (error) => (error ? reject(error) : resolve())))
  }

  /** Replays a run from the last event seen and follows it to its end. */
  #resume(runId: string, done: (error?: Disconnected) => void = () => {}): void {
    if (!this.#host.connected) {
      done(new Disconnected({ sent: false }))
      return
    }
    if (this.#resumes.has(runId)) {
      done()
      return
    }
    const afterSeq = this.#runs.get(runId)?.seq ?? 0
    const settle = (error: Error | undefined): void => {
      if (this.#resumes.get(runId) !== id) {
        done(new Disconnected({ sent: true }))
        return
      }
      this.#resumes.delete(runId)
      if (error instanceof Disconnected) {
        done(error)
        return
      }
      const { firstSeq } = (error instanceof RpcError ? error.data : {}) as { firstSeq?: number }
      if (firstSeq !== undefined && firstSeq > afterSeq + 1) {
        this.#tell(gap(this.sessionId, runId), 0)
        this.#remember(runId, firstSeq - 1, false)
        this.#resume(runId, done)
      } else if (error instanceof RpcError && error.code === AGENT_BUSY && !error.data.queue) {
        this.#later(error, () => this.#resume(runId, done))
      } else {
        this.#end(runId)
        done()
      }
    }
    const onEvent = (frame: EventFrame, size: number): void => {
      const event = runEventOf(frame)
      if (event) this.#deliver(event, size)
    }
    const id = this.#host.send('sessions.resume', { sessionId: this.sessionId, runId, afterSeq }, { onEvent, settle })
    this.#resumes.set(runId, id)
  }

  #later({ retryAfterMs = RETRY_MS }: RpcError, act: () => void): void {
    const { clock } = this.#host
    const timer = clock.setTimeout(() => {
      this.#timers.delete(timer)
      act()
    }, retryAfterMs)
    this.#timers.add(timer)
  }

  /** The run has ended. Where its last event never came, the gateway no longer had it. */
  #end(runId: string): void {
    const known = this.#runs.get(runId)
    if (known?.ended) return
    this.#remember(runId, known?.seq ?? 0, true)
    this.#tell(gap(this.sessionId, runId), 0)
  }

  #take(event: RunEvent, size: number): void {
    const { runId, seq, fromSeq = seq } = event
    if (this.#resumes.has(runId)) return
    const known = this.#runs.get(runId)?.seq ?? 0
    if (seq <= known) return
    if (this.#recovering) {
      this.#expect(runId)
      this.#waiting.add(runId)
    } else if (fromSeq === known + 1) this.#deliver(event, size)
    // Merged, and its beginning was seen: another request brings the rest, or shows that it is missing.
    else if (fromSeq > known + 1) this.#resume(runId)
  }

  #deliver(event: RunEvent, size: number): void {
    const { runId, seq } = event
    if (seq <= (this.#runs.get(runId)?.seq ?? 0)) return
    this.#remember(runId, seq, event.event === 'done' || event.event === 'error')
    this.#tell(event, size)
  }

  /** The run is to be replayed, unless it is known. */
  #expect(runId: string): void {
    if (!this.#runs.has(runId)) this.#remember(runId, 0, false)
  }

  /** In the order in which the runs were first heard of. */
  #remember(runId: string, seq: number, ended: boolean): void {
    this.#runs.set(runId, { seq, ended })
    const [oldest] = this.#runs.keys()
    if (this.#runs.size > MAX_RUNS && oldest !== undefined) this.#runs.delete(oldest)
    this.#host.followingChanged(this)
  }

  #tell(event: SessionEvent, size: number): void {
    for (const log of this.#logs) log.push(event, size)
  }
}
