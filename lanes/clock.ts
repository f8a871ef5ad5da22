/** Time, as far as lanes need it. A parameter, so that a test decides when it passes. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number
  /** Calls `fn` once after `ms` milliseconds, never before `after` has returned. The answer calls it off, and is harmless later. */
  after(ms: number, fn: () => void): () => void
}

/** At most one timer. */
export class Alarm {
  readonly #clock: Clock
  #callOff: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** In place of whatever it was set to. */
  set(ms: number, fn: () => void): void {
    this.clear()
    this.#callOff = this.#clock.after(ms, fn)
  }

  clear(): void {
    this.#callOff?.()
    this.#callOff = undefined
  }
}

/** The time of the machine. Its timers never keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms).unref()
    return () => clearTimeout(timer)
  }
}
