import type { Item } from './item.ts'
import type { LaneMessage } from './message.ts'

/** Number of waiting messages, in all lanes. */
export interface Tally {
  waiting: number
}

/** Waiting messages of a lane in the order in which they run: those of people before those of machines, each in order of arrival. */
export class Queue<P, R> {
  readonly #tally: Tally
  #items: Item<P, R>[] = []
  /** Number of messages of people, which come first. */
  #people = 0

  constructor(tally: Tally) {
    this.#tally = tally
  }

  get items(): readonly Item<P, R>[] {
    return this.#items
  }

  get length(): number {
    return this.#items.length
  }

  /** The most important of what waits. */
  get priority(): LaneMessage<P>['priority'] {
    return this.#people > 0 ? 'person' : 'system'
  }

  /** When the oldest was accepted. */
  get oldest(): number | undefined {
    const heads = [this.#items[0], this.#items[this.#people]].filter((item) => item !== undefined)
    return heads.length === 0 ? undefined : Math.min(...heads.map(({ message }) => message.acceptedAt))
  }

  /** Number of messages that run before a new one would. */
  ahead(priority: LaneMessage<P>['priority']): number {
    return priority === 'person' ? this.#people : this.#items.length
  }

  add(item: Item<P, R>): void {
    const { priority } = item.message
    this.#items.splice(this.ahead(priority), 0, item)
    if (priority === 'person') this.#people++
    this.#tally.waiting++
  }

  /** Takes out what waits in it, in one pass however many they are. */
  remove(items: readonly Item<P, R>[]): void {
    if (items.length === 1) this.#items.splice(this.#items.indexOf(items[0]!), 1)
    if (items.length > 1) {
      const gone = new Set(items)
      this.#items = this.#items.filter((item) => !gone.has(item))
    }
    for (const { message } of items) if (message.priority === 'person') this.#people--
    this.#tally.waiting -= items.length
  }
}
