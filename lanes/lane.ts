import assert from 'node:assert/strict'
import type { Clock } from './clock.ts'
import { LaneError, type LaneErrorCode } from './errors.ts'
import { admits, nextTurn } from './policy.ts'
import type { Slots } from './slots.ts'

export type LaneState = 'idle' | 'ready' | 'running' | 'stopping'

/** One turn of a lane, as the work that runs in it sees it. */
export interface Turn {
  readonly laneId: string
  /** Rises with every turn; no two turns of one `Lanes` have the same. */
  readonly epoch: number
  /** Aborted on cancel, timeout and shutdown, always with a DOMException `AbortError`: what some SDKs make of other reasons is not an abort. */
  readonly signal: AbortSignal
  /** False once the lane has let go of this turn: whatever the run still says must be dropped. True while it is being stopped. */
  readonly live: boolean
}

export interface Work<R> {
  /** Who asked; `cancel` can be limited to it. */
  readonly owner: string
  /** Called at most once, and never before `enqueue` has returned. */
  run(turn: Turn): R | PromiseLike<R>
}

export interface Ticket<R> {
  /** Unique in one `Lanes`. */
  readonly id: number
  /** How many turns of this lane come first, the running one included. 0: it is the lane's turn now, or as soon as a slot is free. */
  readonly position: number
  /** What the run returned or threw, or a `LaneError`; settles exactly once, whatever the run does. May be left unwatched. */
  readonly settled: Promise<R>
}

/** What a `cancel` did. */
export interface Cancellation {
  /** How many queued items were rejected. */
  readonly queued: number
  /** Whether an active run is being stopped, by this call or already before it. */
  readonly running: boolean
  /** Resolves when the lane has let go of that run, at the latest when it is abandoned; at once when there was none. Never rejects. */
  readonly freed: Promise<void>
}

export interface LaneSnapshot {
  readonly state: LaneState
  /** Items that have not begun, those of a lane that waits for a slot included. */
  readonly queued: number
  /** Epoch milliseconds; only while there is an active run, stopping ones included. */
  readonly runningSince: number | undefined
}

/** What the lanes of one `Lanes` share. */
export interface LaneHost {
  readonly clock: Clock
  readonly slots: Slots
  readonly runTimeoutMs: number
  readonly abandonAfterMs: number
  /** Items that wait in all lanes together; each lane counts its own in and out. */
  queued: number
  nextEpoch(): number
  nextTicketId(): number
  /** The lane has nothing left to do and will never do anything again. */
  dropped(lane: Lane): void
}

/** Work that was accepted and has not begun. */
interface Item {
  readonly work: Work<unknown>
  resolve(value: unknown): void
  reject(reason: unknown): void
}

/** The turn in progress. */
interface Active {
  readonly item: Item
  readonly turn: Turn
  readonly controller: AbortController
  readonly since: number
  readonly freed: PromiseWithResolvers<void>
}

/**
 * A lane is a queue of items that run one at a time. It lives from its first item until it has nothing left to do; then it is
 * dropped, and the next item makes a new one. So an idle lane costs nothing.
 *
 * The lane is always in one of these states:
 *
 * ```
 *        first item          slot granted           cancel, timeout, shutdown
 *   idle ──────────▶ ready ──────────────▶ running ───────────────────────────▶ stopping
 *    ▲                │ ▲                     │                                     │
 *    │ all cancelled  │ │                     │ ended                               │ ended or abandoned
 *    ├────────────────┘ │  something queued   ▼                                     │
 *    │                  └─────────────────────●◀────────────────────────────────────┘
 *    │                      nothing queued    │
 *    └────────────────────────────────────────┘
 * ```
 *
 * ## idle
 *
 * Nothing queued, nothing active. The first state and the last: a lane that comes back to it is dropped.
 *
 * ## ready
 *
 * Something is queued, nothing is active, and the lane stands in line for one of the global slots. When a slot is free that
 * is over before `enqueue` returns. Waiting does not count as running: no timer is armed.
 *
 * ## running
 *
 * One item has left the queue for good and is the active turn, with an epoch of its own. The run timeout is armed. The run is
 * called in a microtask, so whoever enqueued holds the ticket by then.
 *
 * ## stopping
 *
 * The signal of the active turn is aborted and its outcome decided: the `LaneError` of the first cause to arrive, even if
 * the run still returns something. The lane waits for the run to end, because its next turn must not overlap with it, but
 * not forever: after the abandon deadline it goes on without it.
 *
 * No code of others runs inside a transition, with one exception: the listeners of the aborted signal. Aborting is therefore the
 * last thing that `#enterStopping` does, and a listener may call the lane like anybody else.
 */
export class Lane {
  readonly id: string
  readonly #host: LaneHost

  /** Written by the `#enter…` methods alone. */
  #state: LaneState = 'idle'

  /** Oldest first. Not empty in ready, empty in idle. The active item is never in it, so nothing that happens to the queue can hit it. */
  #backlog: Item[] = []

  /** Set exactly in running and stopping. The lane holds a slot exactly while it is. */
  #active: Active | undefined

  /** Set exactly in stopping: what the ticket of the active turn will be rejected with. */
  #cause: LaneErrorCode | undefined

  /** Calls off the one timer of the lane: the run timeout in running, the abandon deadline in stopping, none elsewhere. */
  #disarm: (() => void) | undefined

  constructor(id: string, host: LaneHost) {
    this.id = id
    this.#host = host
  }

  /** Queues one item. Throws a `LaneError` `full` where the queue may not grow any more. */
  enqueue<R>(work: Work<R>): Ticket<R> {
    if (!admits(this.#backlog.length, this.#host.queued)) throw new LaneError('full', this.id)
    const position = this.#backlog.length + (this.#active === undefined ? 0 : 1)
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    // Whoever sent the item may be gone by the time it fails; that must not end the process.
    promise.catch(() => {})
    this.#backlog.push({ work, resolve, reject })
    this.#host.queued++
    if (this.#state === 'idle') this.#enterReady()
    return { id: this.#host.nextTicketId(), position, settled: promise as Promise<R> }
  }

  /** Rejects what is queued, then stops what is active; only what belongs to `owner` where one is given. */
  cancel(cause: LaneErrorCode, owner?: string): Cancellation {
    const queued = this.rejectQueued(cause, owner)
    const active = this.#active
    if (active === undefined || (owner !== undefined && active.item.work.owner !== owner)) {
      return { queued, running: false, freed: Promise.resolve() }
    }
    if (this.#state === 'running') this.#enterStopping(cause)
    return { queued, running: true, freed: active.freed.promise }
  }

  /** Rejects what is queued, of one owner or of all, in one pass. Answers how many that were. */
  rejectQueued(cause: LaneErrorCode, owner?: string): number {
    const rejected: Item[] = []
    const kept: Item[] = []
    for (const item of this.#backlog) (owner === undefined || item.work.owner === owner ? rejected : kept).push(item)
    this.#backlog = kept
    this.#host.queued -= rejected.length
    for (const item of rejected) item.reject(new LaneError(cause, this.id))
    if (this.#state === 'ready' && kept.length === 0) this.#enterIdle()
    return rejected.length
  }

  snapshot(): LaneSnapshot {
    return { state: this.#state, queued: this.#backlog.length, runningSince: this.#active?.since }
  }

  /** Called by the slots: it is this lane's turn. */
  granted(): void {
    this.#enterRunning()
  }

  #enterReady(): void {
    assert.ok(this.#state !== 'ready', 'a lane is ready only once for each turn')
    assert.ok(this.#active === undefined, 'a lane is ready only when no turn is active')
    assert.ok(this.#backlog.length > 0, 'a lane is ready only when something is queued')
    this.#state = 'ready'
    // Last, because a free slot is granted before this returns.
    this.#host.slots.request(this)
  }

  #enterRunning(): void {
    assert.equal(this.#state, 'ready', 'only a ready lane can run')
    const item = nextTurn(this.#backlog)
    this.#backlog.splice(this.#backlog.indexOf(item), 1)
    this.#host.queued--

    const lane = this
    const epoch = this.#host.nextEpoch()
    const controller = new AbortController()
    const turn: Turn = {
      laneId: this.id,
      epoch,
      signal: controller.signal,
      get live() {
        return lane.#isCurrent(epoch)
      }
    }
    this.#active = { item, turn, controller, since: this.#host.clock.now(), freed: Promise.withResolvers() }
    this.#state = 'running'
    this.#disarm = this.#host.clock.after(this.#host.runTimeoutMs, () => this.#enterStopping('timeout'))

    // Stopped before it was called: then it is not called at all. A throw becomes a rejection, a thenable a promise.
    const run = Promise.resolve().then(() => (controller.signal.aborted ? undefined : item.work.run(turn)))
    run.then(
      (value) => this.#ended(epoch, () => item.resolve(value)),
      (error) => this.#ended(epoch, () => item.reject(error), error)
    )
  }

  #enterStopping(cause: LaneErrorCode): void {
    assert.equal(this.#state, 'running', 'only a running lane can be stopped')
    this.#disarm!()
    this.#cause = cause
    this.#state = 'stopping'
    this.#disarm = this.#host.clock.after(this.#host.abandonAfterMs, () => this.#abandon())
    // Last, because its listeners are code of others.
    this.#active!.controller.abort()
  }

  #enterIdle(): void {
    assert.ok(this.#state !== 'idle', 'an idle lane is dropped and cannot become idle again')
    assert.ok(this.#active === undefined, 'a lane is idle only when no turn is active')
    assert.equal(this.#backlog.length, 0, 'a lane is idle only when nothing is queued')
    if (this.#state === 'ready') this.#host.slots.withdraw(this)
    this.#state = 'idle'
    this.#host.dropped(this)
  }

  #isCurrent(epoch: number): boolean {
    return this.#active?.turn.epoch === epoch
  }

  /** A run has returned or thrown. If the lane went on without it meanwhile, nobody is interested any more. */
  #ended(epoch: number, settle: () => void, error?: unknown): void {
    if (!this.#isCurrent(epoch)) return
    if (this.#cause === undefined) settle()
    else this.#active!.item.reject(new LaneError(this.#cause, this.id, { cause: error }))
    this.#leaveTurn()
  }

  /** The run has ignored its signal for too long. It may go on for itself; the lane does not wait for it. */
  #abandon(): void {
    assert.equal(this.#state, 'stopping', 'only a run that was told to stop can be abandoned')
    this.#active!.item.reject(new LaneError(this.#cause!, this.id, { abandoned: true }))
    this.#leaveTurn()
  }

  /** The active turn is over, however it ended, and its ticket settled. */
  #leaveTurn(): void {
    const { freed } = this.#active!
    this.#disarm!()
    this.#disarm = undefined
    this.#cause = undefined
    this.#active = undefined
    // The slot goes to the head of the line, and this lane, if it has more to do, to its tail.
    this.#host.slots.release()
    if (this.#backlog.length > 0) this.#enterReady()
    else this.#enterIdle()
    freed.resolve()
  }
}
