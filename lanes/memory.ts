import type { LaneDriver, LaneEnd, RecoveredMessage } from './driver.ts'
import type { LaneMessage } from './message.ts'

type StoredMessage<P> = {
  readonly found: Omit<RecoveredMessage<P>, 'state' | 'attempts'>
  attempts: number
  readonly body: unknown
}

/** Keeps messages in memory until they have ended. */
export class MemoryDriver<P, R> implements LaneDriver<P, R> {
  /** By id, in the order of acceptance. */
  readonly #messages = new Map<string, StoredMessage<P>>()

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

  async recover(): Promise<RecoveredMessage<P>[]> {
    return [...this.#messages.values()].map(({ found, attempts }) => {
      return { ...found, state: attempts > 0 ? 'running' : 'queued', attempts }
    })
  }

  /** The body of a message that has no end. */
  body(id: string): unknown {
    return this.#messages.get(id)?.body
  }
}
