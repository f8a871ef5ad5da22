import type { LaneDriver, LaneEnd, Recovered } from '../../lanes/driver.ts'
import type { LaneMessage } from '../../lanes/message.ts'
import type { Payload } from './driver.ts'

/** Observer of messages and of work, called in the order in which their steps are stored. */
export interface LaneWatch {
  /** A turn begins with these messages, or took them later. */
  claimed(messages: readonly LaneMessage<Payload>[], turnId: string): void
  /** With a `turnId` the turn is over, and these are all messages that it began with or took. */
  ended(ends: readonly LaneEnd<Payload, unknown>[], turnId: string | undefined): void
}

/** Driver that reports each claim and each end to its watches, then passes it on to the driver that stores it. */
export class ObservedDriver implements LaneDriver<Payload, unknown> {
  readonly #driver: LaneDriver<Payload, unknown>
  readonly #watches = new Set<LaneWatch>()

  constructor(driver: LaneDriver<Payload, unknown>) {
    this.#driver = driver
  }

  watch(watch: LaneWatch): void {
    this.#watches.add(watch)
  }

  accept(laneId: string, message: LaneMessage<Payload>, body: unknown): Promise<void> {
    return this.#driver.accept(laneId, message, body)
  }

  claim(laneId: string, messages: readonly LaneMessage<Payload>[], turnId: string): Promise<void> {
    for (const watch of this.#watches) watch.claimed(messages, turnId)
    return this.#driver.claim(laneId, messages, turnId)
  }

  settle(laneId: string, ends: readonly LaneEnd<Payload, unknown>[], turnId?: string): Promise<void> {
    for (const watch of this.#watches) watch.ended(ends, turnId)
    return this.#driver.settle(laneId, ends, turnId)
  }

  recover(): Promise<Recovered<Payload>[]> {
    return this.#driver.recover()
  }
}
