import type { Clock } from '../../../lanes/clock.ts'
import type { Incoming } from './event.ts'

/** Senders with messages under way. Beyond this messages are taken one by one. */
export const MAX_WAITING = 1000

interface Waiting {
  readonly messages: Incoming[]
  readonly done: PromiseWithResolvers<void>
}

/**
 * Gathers the messages of one sender in one chat within a moment, since a link and its preview come as two messages. All callers get the outcome
 * of the whole.
 */
export class Debounce {
  readonly #clock: Clock
  readonly #take: (messages: readonly Incoming[]) => Promise<void>
  readonly #waiting = new Map<string, Waiting>()

  constructor(clock: Clock, take: (messages: readonly Incoming[]) => Promise<void>) {
    this.#clock = clock
    this.#take = take
  }

  /** Resolves once the message is taken, together with those beside it. */
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
