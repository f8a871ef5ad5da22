import type { LaneEnd } from '../../lanes/driver.ts'
import { LaneError } from '../../lanes/errors.ts'
import type { Payload } from './driver.ts'

/** Time for which a dropped message is shown. */
const SHOWN_MS = 60 * 60 * 1000
/** Limit on remembered messages of all lanes. It bounds memory; the oldest are forgotten first. */
const MAX_DROPS = 1000

/** A message that overflow dropped. */
export interface Drop {
  readonly messageId: string
  readonly owner: string
  /** Beginning of its text. */
  readonly preview: string
  /** Epoch milliseconds. */
  readonly droppedAt: number
}

/** Messages that overflow dropped within the last hour, for display. */
export class RecentDrops {
  readonly #now: () => number
  /** Oldest first. */
  #drops: (Drop & { readonly sessionId: string })[] = []

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** Remembers those of the ends that are drops. */
  add(sessionId: string, ends: readonly LaneEnd<Payload, unknown>[]): void {
    for (const end of ends) {
      if (!('error' in end && end.error instanceof LaneError && end.error.code === 'overflow')) continue
      const { id, owner, payload } = end.message
      const preview = payload.kind === 'message' ? payload.preview : ''
      this.#drops.push({ sessionId, messageId: id, owner, preview, droppedAt: this.#now() })
    }
    if (this.#drops.length > MAX_DROPS) this.#drops = this.#drops.slice(-MAX_DROPS)
  }

  get size(): number {
    return this.#current().length
  }

  /** Drops of one lane, newest first. */
  of(sessionId: string): Drop[] {
    return this.#current()
      .filter((drop) => drop.sessionId === sessionId)
      .map(({ sessionId: _, ...drop }) => drop)
      .reverse()
  }

  #current() {
    const since = this.#now() - SHOWN_MS
    if (this.#drops[0] !== undefined && this.#drops[0].droppedAt < since) {
      this.#drops = this.#drops.filter(({ droppedAt }) => droppedAt >= since)
    }
    return this.#drops
  }
}
