import type { Clock } from '../client/clock.ts'
import { type Deferred, deferred } from '../client/deferred.ts'
import { Disconnected, RpcError } from '../client/index.ts'
import type { ErrorReporter } from '../client/listeners.ts'

/** The gateway hears a value again after this time, changed or not: its `updatedAt` shows that the node is alive. */
export const REFRESH_MS = 60_000
/** Least time between two publications. Changes in between are joined: the newest value is sent. */
export const MIN_GAP_MS = 5_000

export interface PublisherOptions<T, R> {
  readonly clock: Clock
  readonly report: ErrorReporter
  /** Reads the value from the platform, when it is due. Undefined: the program sets it. */
  readonly source: (() => T | undefined | Promise<T | undefined>) | undefined
  readonly send: (value: T) => Promise<R>
  /** Field that does not count as a change. */
  readonly ignored?: keyof T
}

/**
 * Keeps one value of a node fresh at the gateway: sent when it changes, and every 60 s.
 *
 *   offline ──registered──▶ sending ──answered──▶ resting ──60 s, or a change and 5 s──▶ sending
 *      ▲                       │                     │
 *      └────── connection lost, or refused ──────────┘
 *
 * One request is under way at a time. A value replaces the one before, so one that was lost with its connection is sent again.
 */
export class Publisher<T extends object, R> {
  readonly #options: PublisherOptions<T, R>
  #given: T | undefined
  #sent: { readonly text: string; readonly at: number; readonly result: R } | undefined
  /** Those who wait for the next publication. */
  #next: Deferred<R> | undefined
  /** Time of the newest attempt. */
  #triedAt: number | undefined
  #registration = 0
  #online = false
  #sending = false
  #timer: unknown
  #ended: Error | undefined

  constructor(options: PublisherOptions<T, R>) {
    this.#options = options
  }

  /** Resolves when the gateway has this value or a newer one. Waits for the registration. */
  set(value: T): Promise<R> {
    if (this.#ended) return Promise.reject(this.#ended)
    this.#given = value
    this.#next ??= deferred()
    const { promise } = this.#next
    this.#planSoon()
    return promise
  }

  /** Reads the source again, and publishes what has changed. */
  refresh(): void {
    this.#planSoon()
  }

  /** The node is registered with a new connection. */
  start(): void {
    this.#registration++
    this.#online = true
    this.#sent = undefined
    this.#triedAt = undefined
    this.#planSoon()
  }

  /** The registration is gone; values wait for the next one. */
  stop(): void {
    this.#online = false
    this.#options.clock.clearTimeout(this.#timer)
  }

  /** The registration was refused: those who wait hear of it. */
  fail(error: Error): void {
    this.stop()
    this.#next?.reject(error)
    this.#next = undefined
  }

  end(error: Error): void {
    this.#ended = error
    this.fail(error)
  }

  #planSoon(): void {
    const { clock } = this.#options
    this.#plan(this.#triedAt === undefined ? 0 : this.#triedAt + MIN_GAP_MS - clock.now())
  }

  #plan(delay: number): void {
    if (!this.#online || this.#sending) return
    const { clock, report } = this.#options
    clock.clearTimeout(this.#timer)
    this.#timer = clock.setTimeout(() => void this.#publish().catch(report), Math.min(Math.max(delay, 0), REFRESH_MS))
  }

  async #publish(): Promise<void> {
    const { clock, send, report } = this.#options
    const registration = this.#registration
    const waiting = this.#next
    this.#next = undefined
    this.#sending = true
    let nextIn: number | undefined = REFRESH_MS
    try {
      const value = await this.#read()
      if (value === undefined || registration !== this.#registration) return this.#putBack(waiting)
      const text = this.#comparable(value)
      const known = this.#sent?.text === text && clock.now() - this.#sent.at < REFRESH_MS ? this.#sent : undefined
      if (!known) this.#triedAt = clock.now()
      const result = known ? known.result : await send(value)
      if (!known && registration === this.#registration) this.#sent = { text, at: clock.now(), result }
      waiting?.resolve(result)
      nextIn = known ? known.at + REFRESH_MS - clock.now() : REFRESH_MS
    } catch (error) {
      if (error instanceof Disconnected && !this.#ended) this.#putBack(waiting)
      else if (waiting) waiting.reject(error)
      else report(error)
      // Asked again without a change, the gateway would refuse it again.
      if (error instanceof RpcError && !error.retryable) nextIn = undefined
    } finally {
      this.#sending = false
      if (this.#next || registration !== this.#registration) this.#planSoon()
      else if (nextIn !== undefined) this.#plan(nextIn)
    }
  }

  async #read(): Promise<T | undefined> {
    const read = await this.#options.source?.()
    return read === undefined ? this.#given : { ...read, ...this.#given }
  }

  #comparable(value: T): string {
    const { ignored } = this.#options
    return JSON.stringify(value, (key, field) => (ignored !== undefined && key === ignored ? undefined : field))
  }

  #putBack(waiting: Deferred<R> | undefined): void {
    if (!waiting) return
    if (this.#ended) waiting.reject(this.#ended)
    else if (this.#next) this.#next.promise.then(waiting.resolve, waiting.reject)
    else this.#next = waiting
  }
}
