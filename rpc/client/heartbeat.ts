import type { Clock } from './clock.ts'

/** Silence after which a sign of life is asked for. */
const QUIET_MS = 30_000
/** A peer that sends nothing for this long after it was asked is gone. */
const ANSWER_MS = 10_000

export interface HeartbeatOptions {
  readonly clock: Clock
  /** Asks the peer for a sign of life. */
  readonly ask: () => void
  /** The peer is gone. Called once. */
  readonly onDead: () => void
}

/**
 * Notices a connection that is dead though no one closed it: a half-open one closes only after many minutes, if ever. Any frame is a sign of
 * life. Timers that fire late, because the machine slept, and a clock that was set say nothing about the peer: then it is asked anew.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions
  #timer: unknown
  #heardAt: number
  #asked = false

  constructor(options: HeartbeatOptions) {
    this.#options = options
    this.#heardAt = options.clock.now()
    this.#watch()
  }

  /** A frame came. */
  heard(): void {
    this.#heardAt = this.#options.clock.now()
  }

  /** Asks now, unless that was done and is not answered yet. */
  ask(): void {
    if (this.#asked) return
    const { clock, ask } = this.#options
    clock.clearTimeout(this.#timer)
    this.#asked = true
    const heardAt = this.#heardAt
    ask()
    this.#await(heardAt)
  }

  stop(): void {
    this.#options.clock.clearTimeout(this.#timer)
  }

  #watch(): void {
    const { clock } = this.#options
    const quietFor = Math.abs(clock.now() - this.#heardAt)
    this.#timer = clock.setTimeout(
      () => {
        const elapsed = clock.now() - this.#heardAt
        if (elapsed >= QUIET_MS || elapsed < 0) this.ask()
        else this.#watch()
      },
      Math.max(0, QUIET_MS - quietFor)
    )
  }

  #await(heardAt: number): void {
    const { clock, onDead } = this.#options
    const since = clock.now()
    this.#timer = clock.setTimeout(() => {
      const elapsed = clock.now() - since
      if (this.#heardAt !== heardAt) {
        this.#asked = false
        this.#watch()
      } else if (elapsed > 2 * ANSWER_MS || elapsed < 0) this.#await(heardAt)
      else onDead()
    }, ANSWER_MS)
  }
}
