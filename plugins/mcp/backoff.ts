/** Delay before the second restart. The first one is immediate: most servers fail once. */
const BASE_MS = 1000
const MAX_MS = 5 * 60_000
/** After this time of life earlier failures do not count. */
const STABLE_MS = 60_000

/** Delay before a server that failed is started again: none, then 1, 2, 4 … seconds, five minutes at most. */
export class Backoff {
  readonly #now: () => number
  #failures = 0
  #retryAt = 0

  constructor(now: () => number) {
    this.#now = now
  }

  /** Milliseconds until the next attempt; 0: now. */
  get waitMs(): number {
    return Math.max(0, this.#retryAt - this.#now())
  }

  /** Counts a failed start or an end. `upSince`: start of its life, on the same clock. */
  failed(upSince?: number): void {
    const now = this.#now()
    if (upSince !== undefined && now - upSince >= STABLE_MS) this.#failures = 0
    this.#failures++
    const delay = this.#failures === 1 ? 0 : Math.min(MAX_MS, BASE_MS * 2 ** (this.#failures - 2))
    this.#retryAt = now + delay
  }
}
