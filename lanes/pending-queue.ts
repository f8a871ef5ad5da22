import type { LaneEnd, RecoveredMessage } from './driver.ts'
import { type LaneCause, LaneError, type LaneErrorOptions } from './errors.ts'
import { type Item, newItem } from './item.ts'
import type { LaneMessage, Ticket } from './message.ts'
import { OrderedAccept } from './ordered-accept.ts'
import type { Admission } from './policy.ts'
import { Queue, type Tally } from './queue.ts'
import type { UnsettledMessages } from './unsettled-messages.ts'

/** Limit on dropped messages that the next turn gets. */
export const MAX_DROPPED_PASSED = 20

/**
 * Waiting messages of a lane: how they come in, and how they end without a turn. The messages of the active turn are never in it, so nothing
 * that happens here can affect them (OpenClaw #103246: overflow took the message that was being answered).
 *
 * A message that is to be steered waits in the queue, in its place. A turn that takes it lifts it out; otherwise it is where it belongs.
 * So nothing is lost between two turns, and nothing is overtaken on the way back (OpenClaw #125035: a steer that came after the run's
 * last look was shown, and never answered).
 */
export class PendingQueue<P, R> {
  readonly #laneId: string
  readonly #unsettled: UnsettledMessages<P, R>
  readonly #arriving: OrderedAccept<P, R>
  readonly #queue: Queue<P, R>

  /** Messages that overflow dropped since the last turn began: their number, and those to pass to the next turn. */
  #droppedCount = 0
  #dropped: LaneMessage<P>[] = []

  /** `arrived` is called with each message that is durable, in the order of sending, and is to admit it. */
  constructor(laneId: string, tally: Tally, unsettled: UnsettledMessages<P, R>, arrived: (item: Item<P, R>) => void) {
    this.#laneId = laneId
    this.#unsettled = unsettled
    this.#queue = new Queue(tally)
    this.#arriving = new OrderedAccept(tally, {
      take: (item) => (item.cause === undefined ? arrived(item) : this.#arrivedEnded(item, item.cause)),
      refused: (item, cause) => unsettled.refuse(item, cause)
    })
  }

  get queue(): Pick<Queue<P, R>, 'items' | 'length' | 'priority' | 'oldest'> {
    return this.#queue
  }

  /** Makes a message durable. Rejects with a `LaneError` `unsaved` where the driver refuses it. */
  send(message: LaneMessage<P>, body: unknown): Promise<Ticket<R>> {
    const item = newItem<P, R>(message)
    this.#unsettled.add(item)
    this.#arriving.add(item, () => this.#unsettled.accept(item, body))
    return item.ticket.promise
  }

  /** `ahead`: how many turns are active, which is one or none. */
  restore({ message, attempts }: RecoveredMessage<P>, ahead: number): Ticket<R> {
    const known = this.#unsettled.get(message.id)
    if (known !== undefined) return { position: 0, settled: known.outcome.promise }
    const item = newItem<P, R>(message, attempts > 0)
    item.fallback = message.policy.mode === 'steer' || message.policy.mode === 'steer_backlog'
    this.#unsettled.add(item)
    const ticket = this.#enqueue(item, ahead)
    item.ticket.resolve(ticket)
    return ticket
  }

  /** Carries out what was decided about a message that came. `ahead`: how many turns are active. */
  admit(item: Item<P, R>, admission: Admission<Item<P, R>>, ahead: number): void {
    if (admission.act === 'reject') {
      item.ticket.resolve({ position: undefined, settled: item.outcome.promise })
      this.#overflowed([item], item.message)
      return
    }
    const { act, drop, because, fallback } = admission
    item.steering = act === 'steer'
    item.fallback = fallback
    this.#queue.remove(drop)
    item.ticket.resolve(this.#enqueue(item, ahead))
    if (drop.length === 0) return
    if (because === 'overflow') this.#overflowed(drop, item.message)
    else this.#settle(drop, { code: because })
  }

  /** Ends some of those that wait, those included that are not durable yet. */
  end(cause: LaneCause, hit: (item: Item<P, R>) => boolean): Item<P, R>[] {
    const arriving = this.#arriving.items.filter((item) => item.cause === undefined && hit(item))
    for (const item of arriving) item.cause = cause
    const items = this.#queue.items.filter(hit)
    this.#queue.remove(items)
    if (items.length > 0) this.#settle(items, cause)
    return [...arriving, ...items]
  }

  /** Releases the waiting messages because the lanes close: they stay with the driver, and their senders get the reason. */
  letGo(): void {
    for (const item of this.#arriving.items) item.cause ??= { code: 'shutdown' }
    const items = [...this.#queue.items]
    this.#queue.remove(items)
    for (const item of items) this.#unsettled.tell(this.#ended(item, { code: 'shutdown' }))
  }

  /** Begins a turn with these messages. Returns the dropped messages to pass to it. */
  begin(items: readonly Item<P, R>[]): LaneMessage<P>[] {
    this.#queue.remove(items)
    const { owner, pinned } = items[0]!.message
    if (pinned === true) return []
    this.#droppedCount = 0
    // A turn gets only dropped messages of its own owner.
    const told = this.#dropped.filter((message) => message.owner === owner)
    this.#dropped = this.#dropped.filter((message) => message.owner !== owner)
    return told
  }

  forgetDropped(): void {
    this.#dropped = []
    this.#droppedCount = 0
  }

  /** The active turn looks at what was offered to it. What ends with it leaves the queue, the rest waits for a turn of its own. */
  takeSteered(): { seen: LaneMessage<P>[]; taken: Item<P, R>[] } {
    const offered = this.#queue.items.filter(({ steering }) => steering)
    for (const item of offered) {
      item.steering = false
      item.backlog = item.message.policy.mode === 'steer_backlog'
    }
    const taken = offered.filter(({ backlog }) => !backlog)
    this.#queue.remove(taken)
    return { seen: offered.map(({ message }) => message), taken }
  }

  /** Turns messages that the turn did not take into turns of their own, from their place in the queue. */
  keepUntaken(): void {
    for (const item of this.#queue.items) {
      if (item.steering) item.fallback = true
      item.steering = false
    }
  }

  /** The lane's verdict on one of its messages. */
  error({ code, reason }: LaneCause, { message }: Item<P, R>, options: LaneErrorOptions): LaneError {
    return new LaneError(code, this.#laneId, message.policy, { droppedCount: this.#droppedCount, reason, ...options })
  }

  /** It was ended while it was being made durable. */
  #arrivedEnded(item: Item<P, R>, cause: LaneCause): void {
    item.ticket.resolve({ position: undefined, settled: item.outcome.promise })
    // What the lanes let go of when they close has not ended.
    if (cause.code === 'shutdown') this.#unsettled.tell(this.#ended(item, cause))
    else this.#settle([item], cause)
  }

  #enqueue(item: Item<P, R>, ahead: number): Ticket<R> {
    const position = item.steering ? 0 : ahead + this.#queue.ahead(item.message.priority)
    this.#queue.add(item)
    return { position, settled: item.outcome.promise }
  }

  #overflowed(items: readonly Item<P, R>[], { policy }: LaneMessage<P>): void {
    const ends = items.map((item) => {
      this.#droppedCount++
      return this.#ended(item, { code: 'overflow' })
    })
    if (policy.summarizeOverflow) {
      this.#dropped = [...this.#dropped, ...items.map(({ message }) => message)].slice(-MAX_DROPPED_PASSED)
    }
    this.#unsettled.settle(ends)
  }

  #settle(items: readonly Item<P, R>[], cause: LaneCause): void {
    this.#unsettled.settle(items.map((item) => this.#ended(item, cause)))
  }

  /** Whatever ends here was accepted, and has no turn. */
  #ended(item: Item<P, R>, cause: LaneCause): LaneEnd<P, R> {
    return { message: item.message, error: this.error(cause, item, { stage: 'waiting' }) }
  }
}
