/** Time, as far as lanes need it. A parameter, so that a test decides when it passes. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number
  /** Calls `fn` once after `ms` milliseconds, never before `after` has returned. The answer calls it off, and is harmless later. */
  after(ms: number, fn: () => void): () => void
}
