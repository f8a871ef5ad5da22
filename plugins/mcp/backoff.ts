/** The first restart is at once: most ends have no second one. */
const BASE_MS = 1000
const MAX_MS = 5 * 60_000
/** A server that lived this long has nothing to do with its earlier failures. */
const STABLE_MS = 60_000

/** When a server that failed may be started again: at once, then after 1, 2, 4 … seconds, five minutes at the most. */
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

  /** It could not be started, or it ended. `upSince`: when it was there, on the same clock. */
  failed(upSince?: number): void {
    const now = this.#now()
    if (upSince !== undefined && now - upSince >= STABLE_MS) this.#failures = 0
    this.#failures++
    const delay = this.#failures === 1 ? 0 : Math.min(MAX_MS, BASE_MS * 2 ** (this.#failures - 2))
    this.#retryAt = now + delay
  }
}
