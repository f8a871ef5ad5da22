/** An honest message may carry a file of 10 MiB in base64. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024
const WINDOW_MS = 10_000
/** Bytes in one window. */
const MAX_BYTES = 4 * MAX_MESSAGE_BYTES
/** Messages in one window; each costs far more than its bytes. */
const MAX_MESSAGES = 10_000

/** Counts the output of a server, and throws when it floods. */
export class Meter {
  readonly #now: () => number
  #since: number
  #bytes = 0
  #messages = 0
  /** Bytes of the current message. */
  #open = 0

  constructor(now = Date.now) {
    this.#now = now
    this.#since = now()
  }

  /** @throws Error with the exceeded bound */
  bytes(count: number): void {
    this.#turn()
    this.#bytes += count
    this.#open += count
    if (this.#open > MAX_MESSAGE_BYTES) throw new Error(`it sent a message of more than ${MAX_MESSAGE_BYTES} bytes`)
    if (this.#bytes > MAX_BYTES) throw new Error(`it sent more than ${MAX_BYTES} bytes within ${WINDOW_MS / 1000} seconds`)
  }

  /** Counts the end of a message. `rest`: bytes of the next one that have arrived. */
  message(rest: number): void {
    this.#turn()
    this.#open = rest
    if (++this.#messages > MAX_MESSAGES) {
      throw new Error(`it sent more than ${MAX_MESSAGES} messages within ${WINDOW_MS / 1000} seconds`)
    }
  }

  #turn(): void {
    const now = this.#now()
    if (now - this.#since < WINDOW_MS) return
    this.#since = now
    this.#bytes = 0
    this.#messages = 0
  }
}
