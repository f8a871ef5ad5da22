import type { Clock } from './clock.ts'
import { LaneError } from './errors.ts'
import { type Cancellation, Lane, type LaneHost, type LaneSnapshot, type Ticket, type Work } from './lane.ts'
import { Slots } from './slots.ts'

export interface LanesOptions {
  readonly clock: Clock
  /** How many lanes may run at the same time; at least 1. */
  readonly maxConcurrentRuns: number
  /** After this a run is aborted. Waiting does not count. */
  readonly runTimeoutMs: number
  /** How long an aborted run may take to end before the lane goes on without it. */
  readonly abandonAfterMs: number
}

/** The lanes that have something to do, by id. Each runs its items one at a time and in order; all share a number of slots. */
export class Lanes {
  /** Exactly the lanes that are not idle. */
  readonly #lanes = new Map<string, Lane>()
  readonly #host: LaneHost
  /** Set once closing has begun. From then on no lane is added. */
  #closed: Promise<void> | undefined
  /** Set while closing waits for the last lane. */
  #onEmpty: (() => void) | undefined

  constructor({ clock, maxConcurrentRuns, runTimeoutMs, abandonAfterMs }: LanesOptions) {
    let epoch = 0
    let ticketId = 0
    this.#host = {
      clock,
      slots: new Slots(maxConcurrentRuns),
      runTimeoutMs,
      abandonAfterMs,
      queued: 0,
      nextEpoch: () => ++epoch,
      nextTicketId: () => ++ticketId,
      dropped: (lane) => {
        this.#lanes.delete(lane.id)
        if (this.#lanes.size === 0) this.#onEmpty?.()
      }
    }
  }

  /** How many lanes are not idle. */
  get size(): number {
    return this.#lanes.size
  }

  /**
   * Queues `work` behind everything else in its lane, or starts it when the lane is idle and a slot is free.
   * Throws a `LaneError`: `full` when too much is queued in the lane or in all of them, `shutdown` once `close` was called.
   */
  enqueue<R>(laneId: string, work: Work<R>): Ticket<R> {
    if (this.#closed) throw new LaneError('shutdown', laneId)
    const lane = this.#lanes.get(laneId) ?? new Lane(laneId, this.#host)
    const ticket = lane.enqueue(work)
    // Only now: a new lane that took nothing would never be dropped.
    this.#lanes.set(laneId, lane)
    return ticket
  }

  /**
   * Rejects what is queued in the lane with a `LaneError` `cancelled`, then aborts the active run; only what belongs to `owner`
   * where one is given. The aborted run has until the abandon deadline to end. No such lane: nothing to do.
   */
  cancel(laneId: string, { owner }: { readonly owner?: string | undefined } = {}): Cancellation {
    return this.#lanes.get(laneId)?.cancel('cancelled', owner) ?? { queued: 0, running: false, freed: Promise.resolve() }
  }

  /** Whether the lane has anything queued or active. */
  has(laneId: string): boolean {
    return this.#lanes.has(laneId)
  }

  /** The ids of all lanes that have anything queued or active. */
  ids(): string[] {
    return [...this.#lanes.keys()]
  }

  /** What the lane is doing; every id has an answer, an unknown lane being an idle one. */
  snapshot(laneId: string): LaneSnapshot {
    return this.#lanes.get(laneId)?.snapshot() ?? { state: 'idle', queued: 0, runningSince: undefined }
  }

  /**
   * Refuses new work and rejects what is queued, both with a `LaneError` `shutdown`. Active runs have `graceMs` to end by
   * themselves and are aborted after it. Resolves when no lane is left, at the latest one abandon deadline after the grace.
   * Called again it answers the same promise; the first grace stands.
   */
  close(graceMs: number): Promise<void> {
    this.#closed ??= this.#drain(graceMs)
    return this.#closed
  }

  async #drain(graceMs: number): Promise<void> {
    for (const lane of [...this.#lanes.values()]) lane.rejectQueued('shutdown')
    if (this.#lanes.size === 0) return
    const empty = Promise.withResolvers<void>()
    this.#onEmpty = empty.resolve
    const disarm = this.#host.clock.after(graceMs, () => {
      for (const lane of [...this.#lanes.values()]) lane.cancel('shutdown')
    })
    await empty.promise
    disarm()
  }
}
