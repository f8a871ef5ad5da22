import { randomUUID } from 'node:crypto'
import type { Clock } from './clock.ts'
import { ConcurrencyLimiter } from './concurrency-limiter.ts'
import type { LaneDriver, Recovered } from './driver.ts'
import { LaneError } from './errors.ts'
import { type Cancellation, type CancelScope, Lane, type LaneHost, type LaneSnapshot, type OwnerScope } from './lane.ts'
import type { LaneMessage, Ticket } from './message.ts'
import type { Turn } from './turn.ts'

export interface LanesOptions<P, R> {
  readonly clock: Clock
  /** How many lanes may run at the same time; at least 1. */
  readonly maxConcurrentRuns: number
  /** After this a run is aborted. Waiting does not count, neither in the queue nor for a person. */
  readonly runTimeoutMs: number
  /** How long an aborted run may take to end before the lane goes on without it. */
  readonly abandonAfterMs: number
  /** Answers the messages of one turn. Called at most once a turn. */
  run(turn: Turn<P>): R | PromiseLike<R>
  /** Where messages are kept. */
  readonly driver: LaneDriver<P, R>
  /** The turn of `active` is about to be aborted because `by` interrupts it. Must not throw. */
  preempted?(laneId: string, active: readonly LaneMessage<P>[], by: LaneMessage<P>): void
  /** Names a turn that cannot have the id of its first message; a random UUID where nothing is given. */
  newId?(): string
}

/** How many messages may wait in all lanes together, those that are being made durable included: so much memory they may take. */
export const MAX_QUEUED_TOTAL = 10_000

/** The lanes that have something to do, by id. Each runs one turn at a time and in order; all share a number of slots. */
export class Lanes<P, R> {
  /** Exactly the lanes that have anything to do. */
  readonly #lanes = new Map<string, Lane<P, R>>()
  readonly #host: LaneHost<P, R>
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

  /** How long a turn may take that starts from now on. */
  set runTimeoutMs(ms: number) {
    this.#host.runTimeoutMs = ms
  }

  get runTimeoutMs(): number {
    return this.#host.runTimeoutMs
  }

  /** How many messages wait, in all lanes; those that are being made durable included. */
  get waiting(): number {
    return this.#host.waiting
  }

  /** How many lanes have anything to do. */
  get size(): number {
    return this.#lanes.size
  }

  /**
   * Makes `message` durable and takes it into its lane, where it waits or starts as its policy says. Messages of one lane are taken in in
   * the order of these calls. `body` is handed to the driver and kept there only. A message whose id is in the lane already and has not
   * ended is that message: its ticket is answered once more, and nothing else happens.
   *
   * Rejects with a `LaneError`, and then nothing was accepted: `shutdown` once `close` was called, `overflow` where `MAX_QUEUED_TOTAL`
   * messages wait, `unsaved` where the driver refused. Everything later, an overflow of the lane included, is told by the ticket.
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
   * Takes messages back that the driver has from before, in the order given: those that are to run, whatever state they were found in.
   * To be called before anything is sent to the lane. Throws a `LaneError` `shutdown` once `close` was called.
   */
  restore(laneId: string, recovered: readonly Recovered<P>[]): Ticket<R>[] {
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

  /** Whether the lane has anything to do. */
  has(laneId: string): boolean {
    return this.#lanes.has(laneId)
  }

  /** The ids of all lanes that have anything to do. */
  ids(): string[] {
    return [...this.#lanes.keys()]
  }

  /** The messages that wait in the lane, people's first, each part oldest first. */
  queued(laneId: string): LaneMessage<P>[] {
    return this.#lanes.get(laneId)?.queued() ?? []
  }

  /** What the lane is doing; every id has an answer, an unknown lane being an idle one. */
  snapshot(laneId: string): LaneSnapshot {
    const idle = { state: 'idle', depth: 0, oldestAgeMs: undefined, running: undefined } as const
    return this.#lanes.get(laneId)?.snapshot() ?? idle
  }

  /**
   * Refuses new messages, and leaves those that wait to the driver: their tickets reject with a `LaneError` `shutdown`. Active runs have
   * `graceMs` to end by themselves and are aborted after it. Resolves when no lane is left, and every outcome is stored and told.
   * Called again it answers the same promise; the first grace stands.
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
