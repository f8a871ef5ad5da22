import type { LaneDriver, LaneEnd, Recovered } from './driver.ts'
import type { LaneMessage } from './message.ts'

type Kept<P> = { readonly found: Omit<Recovered<P>, 'state' | 'attempts'>; attempts: number; readonly body: unknown }

/** Keeps messages for as long as the process lives, and forgets them when they have ended. */
export class MemoryDriver<P, R> implements LaneDriver<P, R> {
  /** By id, in the order of acceptance. */
  readonly #messages = new Map<string, Kept<P>>()

  async accept(laneId: string, message: LaneMessage<P>, body?: unknown): Promise<void> {
    if (!this.#messages.has(message.id)) this.#messages.set(message.id, { found: { laneId, message }, attempts: 0, body })
  }

  async claim(_laneId: string, messages: readonly LaneMessage<P>[], _turnId: string): Promise<void> {
    for (const { id } of messages) {
      const kept = this.#messages.get(id)
      if (kept !== undefined) kept.attempts++
    }
  }

  async settle(_laneId: string, ends: readonly LaneEnd<P, R>[], _turnId?: string): Promise<void> {
    for (const { message } of ends) this.#messages.delete(message.id)
  }

  async recover(): Promise<Recovered<P>[]> {
    return [...this.#messages.values()].map(({ found, attempts }) => {
      return { ...found, state: attempts > 0 ? 'running' : 'queued', attempts }
    })
  }

  /** The body of a message that has no end. */
  body(id: string): unknown {
    return this.#messages.get(id)?.body
  }
}
