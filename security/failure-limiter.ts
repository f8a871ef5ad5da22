/** Failures within the window that lock an address, and the length of both the window and the lock. */
export const MAX_FAILURES = 10
export const WINDOW_MS = 60_000

/** An attacker with many addresses must not fill the memory; past this the address that failed longest ago is forgotten. */
export const MAX_ADDRESSES = 10_000

interface Failure {
  readonly at: number
  readonly evidence: string | undefined
}

interface Bucket {
  failures: Failure[]
  lockedUntil: number
}

/**
 * Counts failed authentications by address: ten within a minute lock it for a minute. Attempts while locked are not counted,
 * so a client that keeps trying does not prolong its own lockout.
 *
 * A timer-free Map, because rate-limiter-flexible's memory store arms a timer for every address, has no bound on their number
 * and no way to clear them when the gateway closes.
 */
export class FailureLimiter {
  /** Least recently failed first. */
  readonly #buckets = new Map<string, Bucket>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** Addresses remembered. */
  get size(): number {
    return this.#buckets.size
  }

  /** Milliseconds until the address may try again; 0 when it may. */
  lockedFor(address: string): number {
    return Math.max(0, (this.#buckets.get(address)?.lockedUntil ?? 0) - this.#now())
  }

  /**
   * Counts a failure. With `evidence`, the same one counts once a window: a browser repeats its dead cookie with each request,
   * whoever guesses must vary.
   */
  fail(address: string, evidence?: string): 'counted' | 'repeated' | 'locked' {
    const now = this.#now()
    const bucket = this.#buckets.get(address) ?? { failures: [], lockedUntil: 0 }
    this.#buckets.delete(address)
    this.#buckets.set(address, bucket)
    this.#forget()
    bucket.failures = bucket.failures.filter(({ at }) => at > now - WINDOW_MS)
    if (evidence !== undefined && bucket.failures.some((failure) => failure.evidence === evidence)) return 'repeated'
    bucket.failures.push({ at: now, evidence })
    if (bucket.failures.length < MAX_FAILURES) return 'counted'
    bucket.failures = []
    bucket.lockedUntil = now + WINDOW_MS
    return 'locked'
  }

  #forget(): void {
    for (const address of this.#buckets.keys()) {
      if (this.#buckets.size <= MAX_ADDRESSES) return
      this.#buckets.delete(address)
    }
  }
}
