import type { Item } from './item.ts'
import type { Tally } from './queue.ts'

export interface OrderedAcceptHost<P, R> {
  /** Called with the next message once it is stored. */
  take(item: Item<P, R>): void
  /** Called with the next message when it could not be stored. */
  refused(item: Item<P, R>, cause: unknown): void
}

/** Messages on their way into a lane. They arrive in the order in which they were sent, in whatever order they are stored. */
export class OrderedAccept<P, R> {
  readonly #tally: Tally
  readonly #host: OrderedAcceptHost<P, R>
  /** In the order of sending. */
  readonly #items: Item<P, R>[] = []

  constructor(tally: Tally, host: OrderedAcceptHost<P, R>) {
    this.#tally = tally
    this.#host = host
  }

  get items(): readonly Item<P, R>[] {
    return this.#items
  }

  /** Adds a message. It arrives when `accept` has resolved and all earlier ones have arrived. */
  async add(item: Item<P, R>, accept: () => Promise<void>): Promise<void> {
    this.#items.push(item)
    this.#tally.waiting++
    try {
      await accept()
      item.accepted = 'yes'
    } catch (error) {
      item.accepted = { error }
    }
    this.#answered()
  }

  #answered(): void {
    for (let next = this.#items[0]; next !== undefined && next.accepted !== 'pending'; next = this.#items[0]) {
      this.#items.shift()
      this.#tally.waiting--
      if (next.accepted === 'yes') this.#host.take(next)
      else this.#host.refused(next, next.accepted.error)
    }
  }
}
