import type { LaneDriver, LaneEnd } from './driver.ts'
import { LaneError, type LaneStage } from './errors.ts'
import type { Item } from './item.ts'
import type { LaneMessage } from './message.ts'

/** Messages of a lane without an end: each from the moment it is sent until its end is stored and reported. */
export class UnsettledMessages<P, R> {
  readonly #laneId: string
  readonly #driver: LaneDriver<P, R>
  readonly #emptied: () => void
  readonly #items = new Map<string, Item<P, R>>()

  /** `emptied` is called when the last message is settled. */
  constructor(laneId: string, driver: LaneDriver<P, R>, emptied: () => void) {
    this.#laneId = laneId
    this.#driver = driver
    this.#emptied = emptied
  }

  get size(): number {
    return this.#items.size
  }

  get(messageId: string): Item<P, R> | undefined {
    return this.#items.get(messageId)
  }

  add(item: Item<P, R>): void {
    this.#items.set(item.message.id, item)
  }

  accept({ message }: Item<P, R>, body: unknown): Promise<void> {
    return this.#driver.accept(this.#laneId, message, body)
  }

  /** Rejects a message that could not be stored. */
  refuse(item: Item<P, R>, cause: unknown): void {
    item.ticket.reject(this.#unsaved(item.message, 'refused', cause))
    this.#forget(item.message)
  }

  /** Stores that a turn has messages. Rejects with a `LaneError` where that fails. */
  async claim(messages: readonly LaneMessage<P>[], turnId: string): Promise<void> {
    try {
      await this.#driver.claim(this.#laneId, messages, turnId)
    } catch (cause) {
      throw this.#unsaved(messages[0]!, 'running', cause)
    }
  }

  /** Stores how messages ended, then reports it. Never rejects. */
  async settle(ends: readonly LaneEnd<P, R>[], turnId?: string): Promise<void> {
    try {
      await this.#driver.settle(this.#laneId, ends, turnId)
    } catch (cause) {
      const stage = turnId === undefined ? 'waiting' : 'running'
      for (const { message } of ends) this.tell({ message, error: this.#unsaved(message, stage, cause) })
      return
    }
    for (const end of ends) this.tell(end)
  }

  /** Settles the outcome of an accepted message. The only place that does. */
  tell(end: LaneEnd<P, R>): void {
    const { outcome } = this.#items.get(end.message.id)!
    if ('outcome' in end) outcome.resolve(end.outcome)
    else {
      // The sender may be gone. That must not end the process.
      outcome.promise.catch(() => {})
      outcome.reject(end.error)
    }
    this.#forget(end.message)
  }

  #forget({ id }: LaneMessage<P>): void {
    this.#items.delete(id)
    if (this.#items.size === 0) this.#emptied()
  }

  #unsaved({ policy }: LaneMessage<P>, stage: LaneStage, cause: unknown): LaneError {
    return new LaneError('unsaved', this.#laneId, policy, { stage, cause })
  }
}
