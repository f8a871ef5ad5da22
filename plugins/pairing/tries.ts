/** Wrong codes that block a sender, and for how long that is. */
export const MAX_TRIES = 5
export const BLOCKED_MS = 15 * 60_000
/** Whoever has many names must not fill the memory: past this, who was wrong longest ago is forgotten. */
export const MAX_REMEMBERED = 10_000

interface Wrong {
  count: number
  /** Forgotten from then on. */
  until: number
}

/**
 * Counts wrong codes by sender: five, with less than 15 minutes between each and the next, block the sender for 15 minutes. What
 * is tried while blocked is not looked at and not counted.
 */
export class Tries {
  /** Whoever was wrong longest ago comes first. */
  readonly #wrong = new Map<string, Wrong>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** Senders remembered. */
  get size(): number {
    return this.#wrong.size
  }

  /** Milliseconds until the sender may try again; 0 when it may. */
  blockedFor(sender: string): number {
    const wrong = this.#wrong.get(sender)
    return wrong !== undefined && wrong.count >= MAX_TRIES ? Math.max(0, wrong.until - this.#now()) : 0
  }

  /** Counts a wrong code. Whether the sender is blocked now. */
  wrong(sender: string): boolean {
    const now = this.#now()
    const before = this.#wrong.get(sender)
    const count = before !== undefined && before.until > now ? before.count + 1 : 1
    this.#wrong.delete(sender)
    this.#wrong.set(sender, { count, until: now + BLOCKED_MS })
    for (const [oldest, { until }] of this.#wrong) {
      if (until > now && this.#wrong.size <= MAX_REMEMBERED) break
      this.#wrong.delete(oldest)
    }
    return count >= MAX_TRIES
  }

  /** The sender had a right one. */
  forget(sender: string): void {
    this.#wrong.delete(sender)
  }
}
