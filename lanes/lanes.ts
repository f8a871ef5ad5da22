import { randomUUID } from 'node:crypto'
import type { Clock } from './clock.ts'
import { ConcurrencyLimiter } from './concurrency-limiter.ts'
import type { LaneDriver, RecoveredMessage } from './driver.ts'
import { LaneError } from './errors.ts'
import { type Cancellation, type CancelScope, Lane, type LaneHost, type LaneSnapshot, type OwnerScope } from './lane.ts'
import type { LaneMessage, Ticket } from './message.ts'
import type { Turn } from './turn.ts'

export interface LanesOptions<P, R> {
  readonly clock: Clock
  /** Limit on lanes that run at the same time. At least 1. */
  readonly maxConcurrentRuns: number
  /** Milliseconds after which a run is aborted. Waiting does not count, neither in the queue nor for a person. */
  readonly runTimeoutMs: number
  /** Milliseconds that an aborted run may take to end before the lane goes on without it. */
  readonly abandonAfterMs: number
  /** Answers the messages of one turn. Called at most once for each turn. */
  run(turn: Turn<P>): R | PromiseLike<R>
  /** Stores messages. */
  readonly driver: LaneDriver<P, R>
  /** The turn of `active` is about to be aborted because `by` interrupts it. Must not throw. */
  preempted?(laneId: string, active: readonly LaneMessage<P>[], by: LaneMessage<P>): void
  /** Creates the id of a turn that cannot have the id of its first message. Default: a random UUID. */
  newId?(): string
}

/** Limit on waiting messages in all lanes together, those being stored included. It bounds memory. */
export const MAX_QUEUED_TOTAL = 10_000

/** The lanes that have something to do, by id. Each runs one turn at a time and in order; all share a number of slots. */
export class Lanes<P, R> {
  /** Exactly the lanes that have anything to do. */
  readonly #lanes = new Map<string, Lane<P, R>>()
  readonly #host: LaneHost<P, R>
  /** Lanes that begin no turn, those without anything to do included. */
  readonly #held = new Set<string>()
  /** Set once closing has begun. From then on no lane is added. */
  #closed: Promise<void> | undefined
  /** Set while closing waits for the last lane. */
  #onEmpty: (() => void) | undefined

  constructor({ maxConcurrentRuns, preempted, newId = randomUUID, ...options }: LanesOptions<P, R>) {
    let epoch = 0
    this.#host = {
      ...options,
      run: (turn) => options.run(turn),
      waiting: 0,
      held: this.#held,
      slots: new ConcurrencyLimiter(maxConcurrentRuns),
      // Not inside a transition: it is code of others.
      preempted: (laneId, active, by) => preempted && queueMicrotask(() => preempted(laneId, active, by)),
      newId,
      nextEpoch: () => ++epoch,
      dropped: (lane) => {
        this.#lanes.delete(lane.id)
        this.#checkEmpty()
      }
    }
  }

  /** Run timeout of turns that start from now on. */
  set runTimeoutMs(ms: number) {
    this.#host.runTimeoutMs = ms
  }

  get runTimeoutMs(): number {
    return this.#host.runTimeoutMs
  }

  /** Number of waiting messages in all lanes, those being stored included. */
  get waiting(): number {
    return this.#host.waiting
  }

  /** Number of lanes that have anything to do. */
  get size(): number {
    return this.#lanes.size
  }

  /**
   * Stores `message` and takes it into its lane, where it waits or starts as its policy says. Messages of one lane keep the order of these
   * calls. `body` is handed to the driver and kept there only. A message whose id is in the lane and has not ended is the same message: its
   * ticket is returned once more, and nothing else happens.
   *
   * Rejects with a `LaneError`, and then nothing was accepted: `shutdown` once `close` was called, `overflow` where `MAX_QUEUED_TOTAL`
   * messages wait, `unsaved` where the driver refused. The ticket reports everything later, an overflow of the lane included.
   */
  send(laneId: string, message: LaneMessage<P>, body?: unknown): Promise<Ticket<R>> {
    const known = this.#lanes.get(laneId)?.ticket(message.id)
    if (known !== undefined) return known
    const refused = this.#closed ? 'shutdown' : this.#host.waiting >= MAX_QUEUED_TOTAL ? 'overflow' : undefined
    if (refused === undefined) return this.#lane(laneId).send(message, body)
    const droppedCount = refused === 'overflow' ? 1 : 0
    return Promise.reject(new LaneError(refused, laneId, message.policy, { stage: 'refused', droppedCount }))
  }

  /**
   * Puts messages of an earlier process back, in the order given: those that are to run, in whatever state they were found. Call it before
   * anything is sent to the lane. Throws a `LaneError` `shutdown` once `close` was called.
   */
  restore(laneId: string, recovered: readonly RecoveredMessage<P>[]): Ticket<R>[] {
    const [first] = recovered
    if (first === undefined) return []
    if (this.#closed) throw new LaneError('shutdown', laneId, first.message.policy, { stage: 'waiting' })
    return this.#lane(laneId).restore(recovered)
  }

  /**
   * Rejects what waits in the lane with a `LaneError` `cancelled`, then aborts the active run. The scope limits both; `reason` is part of
   * the error. The aborted run has until the abandon deadline to end. Does nothing when there is no such lane.
   */
  cancel(laneId: string, { reason, ...scope }: CancelScope & { readonly reason?: string | undefined } = {}): Cancellation {
    const lane = this.#lanes.get(laneId)
    return lane?.cancel({ code: 'cancelled', reason }, scope) ?? { queued: 0, running: false, freed: Promise.resolve() }
  }

  /** Rejects what waits in the lane with a `LaneError` `cancelled`, and answers how many that were. What runs goes on. */
  clear(laneId: string, scope: OwnerScope = {}): number {
    return this.#lanes.get(laneId)?.clear(scope) ?? 0
  }

  /** Rejects one message that waits, and answers whether it did. One that runs, or was taken by a run, does not wait. */
  cancelMessage(laneId: string, messageId: string, scope: OwnerScope = {}): boolean {
    return this.#lanes.get(laneId)?.cancelMessage(messageId, scope) ?? false
  }

  /** Keeps the lane from beginning a turn until `release`. The active turn goes on, and messages are taken in as before. */
  hold(laneId: string): void {
    this.#held.add(laneId)
    this.#lanes.get(laneId)?.holdChanged()
  }

  /** Lets the lane begin turns again. Does nothing when it is not held. */
  release(laneId: string): void {
    if (this.#held.delete(laneId)) this.#lanes.get(laneId)?.holdChanged()
  }

  /** Ids of the held lanes. */
  get held(): ReadonlySet<string> {
    return this.#held
  }

  /** True if the lane has anything to do. */
  has(laneId: string): boolean {
    return this.#lanes.has(laneId)
  }

  /** Ids of the lanes that have anything to do. */
  ids(): string[] {
    return [...this.#lanes.keys()]
  }

  /** Waiting messages of the lane: those of people first, each part oldest first. */
  queued(laneId: string): LaneMessage<P>[] {
    return this.#lanes.get(laneId)?.queued() ?? []
  }

  /** State of the lane. An unknown lane is an idle one. */
  snapshot(laneId: string): LaneSnapshot {
    const idle = { state: 'idle', depth: 0, oldestAgeMs: undefined, running: undefined } as const
    return this.#lanes.get(laneId)?.snapshot() ?? idle
  }

  /**
   * Refuses new messages, and leaves the waiting ones to the driver: their tickets reject with a `LaneError` `shutdown`. Active runs have
   * `graceMs` to end by themselves, and are then aborted. Resolves when no lane is left, and every outcome is stored and reported.
   * Further calls return the same promise; the first grace period stands.
   */
  close(graceMs: number): Promise<void> {
    this.#closed ??= this.#drain(graceMs)
    return this.#closed
  }

  async #drain(graceMs: number): Promise<void> {
    for (const lane of [...this.#lanes.values()]) lane.letGo()
    const empty = Promise.withResolvers<void>()
    this.#onEmpty = empty.resolve
    const disarm =
      this.#lanes.size > 0 &&
      this.#host.clock.after(graceMs, () => {
        for (const lane of [...this.#lanes.values()]) lane.stop()
      })
    this.#checkEmpty()
    await empty.promise
    if (disarm) disarm()
  }

  #lane(laneId: string): Lane<P, R> {
    let lane = this.#lanes.get(laneId)
    if (lane === undefined) {
      lane = new Lane(laneId, this.#host)
      this.#lanes.set(laneId, lane)
    }
    return lane
  }

  #checkEmpty(): void {
    if (this.#lanes.size === 0) this.#onEmpty?.()
  }
}
