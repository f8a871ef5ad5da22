/** Defaults: failures within the window that lock a key, and the length of both the window and the lock. */
export const MAX_FAILURES = 10
export const WINDOW_MS = 60_000

/**
 * Maximum number of keys, so that an attacker with many addresses cannot fill the memory. Beyond it the key that failed longest ago is
 * dropped.
 */
export const MAX_KEYS = 10_000

interface Failure {
  readonly at: number
  readonly evidence: string | undefined
}

interface Bucket {
  failures: Failure[]
  lockedUntil: number
}

export interface FailureLimits {
  readonly failures?: number
  readonly windowMs?: number
}

/**
 * Counts failures by key, such as failed logins by address: ten within a minute lock the key for a minute, unless the limits say otherwise.
 * Attempts while locked are not counted, so a client that keeps trying does not prolong its own lockout.
 *
 * A timer-free Map, because rate-limiter-flexible's memory store arms a timer for every key, has no bound on their number
 * and no way to clear them when the gateway closes.
 */
export class FailureLimiter {
  /** Least recently failed first. */
  readonly #buckets = new Map<string, Bucket>()
  readonly #now: () => number
  readonly #failures: number
  readonly #windowMs: number

  constructor(now: () => number, { failures = MAX_FAILURES, windowMs = WINDOW_MS }: FailureLimits = {}) {
    this.#now = now
    this.#failures = failures
    this.#windowMs = windowMs
  }

  /** Keys remembered. */
  get size(): number {
    return this.#buckets.size
  }

  /** True for a key that failed and is remembered. */
  has(key: string): boolean {
    return this.#buckets.has(key)
  }

  /** Milliseconds until the key may try again; 0 when it may. */
  lockedFor(key: string): number {
    return Math.max(0, (this.#buckets.get(key)?.lockedUntil ?? 0) - this.#now())
  }

  /**
   * Counts a failure. With `evidence`, equal evidence counts once a window: a browser repeats its dead cookie with each request, while an
   * attacker who guesses must vary it.
   */
  fail(key: string, evidence?: string): 'counted' | 'repeated' | 'locked' {
    const now = this.#now()
    const bucket = this.#buckets.get(key) ?? { failures: [], lockedUntil: 0 }
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    this.#forgetOldest()
    bucket.failures = bucket.failures.filter(({ at }) => at > now - this.#windowMs)
    if (evidence !== undefined && bucket.failures.some((failure) => failure.evidence === evidence)) return 'repeated'
    bucket.failures.push({ at: now, evidence })
    if (bucket.failures.length < this.#failures) return 'counted'
    bucket.failures = []
    bucket.lockedUntil = now + this.#windowMs
    return 'locked'
  }

  /** Forgets the failures of a key that has succeeded. */
  forget(key: string): void {
    this.#buckets.delete(key)
  }

  #forgetOldest(): void {
    for (const key of this.#buckets.keys()) {
      if (this.#buckets.size <= MAX_KEYS) return
      this.#buckets.delete(key)
    }
  }
}
