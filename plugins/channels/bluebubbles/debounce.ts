import type { Clock } from '../../../lanes/clock.ts'
import type { Incoming } from './event.ts'

/** Senders that are waited for at the same time; past this nobody is waited for. */
export const MAX_WAITING = 1000

interface Waiting {
  readonly messages: Incoming[]
  readonly done: PromiseWithResolvers<void>
}

/**
 * Gathers what one sender says in one chat within a moment, since a link and its preview come as two messages. Everybody who waits is told how
 * the whole ended.
 */
export class Debounce {
  readonly #clock: Clock
  readonly #take: (messages: readonly Incoming[]) => Promise<void>
  readonly #waiting = new Map<string, Waiting>()

  constructor(clock: Clock, take: (messages: readonly Incoming[]) => Promise<void>) {
    this.#clock = clock
    this.#take = take
  }

  /** Resolves once it is taken, with whatever came beside it. */
  async add(message: Incoming, ms: number): Promise<void> {
    const key = JSON.stringify([message.chat, message.sender])
    const known = this.#waiting.get(key)
    if (known) {
      if (!known.messages.some(({ guid }) => guid === message.guid)) known.messages.push(message)
      return await known.done.promise
    }
    if (ms === 0 || this.#waiting.size >= MAX_WAITING) return await this.#take([message])
    const waiting: Waiting = { messages: [message], done: Promise.withResolvers() }
    this.#waiting.set(key, waiting)
    this.#clock.after(ms, () => {
      this.#waiting.delete(key)
      this.#take(waiting.messages).then(waiting.done.resolve, waiting.done.reject)
    })
    await waiting.done.promise
  }
}
