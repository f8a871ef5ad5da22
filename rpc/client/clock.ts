/** Time and chance. Tests pass their own. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number
  /** A number from 0 up to, but not including, 1. */
  random(): number
  setTimeout(run: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>)
}
