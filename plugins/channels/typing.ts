import type { Clock } from '../../lanes/clock.ts'

/** Conversations in which it is shown at the same time; past this it is not shown in further ones. */
export const MAX_TYPING = 1000

interface Shown {
  /** Messages that are under way. */
  messages: number
  callOff: () => void
}

/**
 * Shows people that an answer is being worked on: at once, and every so often until everything that they have sent is settled. It is a courtesy:
 * what fails once is not shown any more.
 */
export class Typing {
  readonly #clock: Pick<Clock, 'after'>
  readonly #everyMs: number
  readonly #shown = new Map<string, Shown>()

  constructor({ clock, everyMs }: { clock: Pick<Clock, 'after'>; everyMs: number }) {
    this.#clock = clock
    this.#everyMs = everyMs
  }

  /** @param ended of the message that is worked on */
  until(ended: Promise<void>, conversation: string, show: () => Promise<unknown>): void {
    const known = this.#shown.get(conversation)
    if (!known && this.#shown.size >= MAX_TYPING) return
    const shown = known ?? { messages: 0, callOff: () => {} }
    shown.messages++
    if (!known) {
      this.#shown.set(conversation, shown)
      this.#show(shown, show)
    }
    void ended.then(() => {
      if (--shown.messages > 0) return
      shown.callOff()
      if (this.#shown.get(conversation) === shown) this.#shown.delete(conversation)
    })
  }

  /** Nothing is shown any more. */
  close(): void {
    for (const { callOff } of this.#shown.values()) callOff()
    this.#shown.clear()
  }

  #show(shown: Shown, show: () => Promise<unknown>): void {
    shown.callOff = this.#clock.after(this.#everyMs, () => this.#show(shown, show))
    show().catch(() => shown.callOff())
  }
}
