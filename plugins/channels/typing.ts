import type { Clock } from '../../lanes/clock.ts'

/** Conversations with a typing indicator. Further ones have none. */
export const MAX_TYPING = 1000

interface Shown {
  /** Messages under way. */
  messages: number
  callOff: () => void
}

/**
 * Shows a typing indicator at once, and regularly until all messages of the conversation are settled. It is a courtesy: after one failure it
 * stops.
 */
export class Typing {
  readonly #clock: Pick<Clock, 'after'>
  readonly #everyMs: number
  readonly #shown = new Map<string, Shown>()

  constructor({ clock, everyMs }: { clock: Pick<Clock, 'after'>; everyMs: number }) {
    this.#clock = clock
    this.#everyMs = everyMs
  }

  /** @param ended settles with the message */
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

  /** Ends all indicators. */
  close(): void {
    for (const { callOff } of this.#shown.values()) callOff()
    this.#shown.clear()
  }

  #show(shown: Shown, show: () => Promise<unknown>): void {
    shown.callOff = this.#clock.after(this.#everyMs, () => this.#show(shown, show))
    show().catch(() => shown.callOff())
  }
}
