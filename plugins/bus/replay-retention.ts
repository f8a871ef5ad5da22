import type { Clock } from '../../lanes/clock.ts'
import { weigh } from './event-buffer.ts'
import type { Stream } from './stream.ts'

const MiB = 1024 * 1024

/** Limit on the events of one run. A client that comes back later reads the session's history. */
export const MAX_RUN_BYTES = 16 * MiB
/** Limit on all runs together. */
export const MAX_BYTES = 128 * MiB
/** Milliseconds for which a run can be replayed after its end. */
export const KEEP_MS = 10 * 60_000

/** Bytes to drop of the largest active run at once, when active runs alone exceed the limit. Finding it for every event would be slow. */
const RELIEF_BYTES = 4 * MiB

/**
 * Decides which events are kept. The run that ended longest ago goes first, then the oldest events of
 * the largest one. The work for an event does not depend on the number of kept runs.
 */
export class ReplayRetention {
  readonly #clock: Clock
  readonly #forget: (stream: Stream) => void
  #bytes = 0
  readonly #live = new Set<Stream>()
  /** Time of the end of each stream, oldest first. */
  readonly #ended = new Map<Stream, number>()
  #disarm: (() => void) | undefined

  /** `forget` is called with each stream that is no longer kept. */
  constructor(clock: Clock, forget: (stream: Stream) => void) {
    this.#clock = clock
    this.#forget = forget
  }

  /** Estimated size of everything kept. */
  get bytes(): number {
    return this.#bytes
  }

  begin(stream: Stream): void {
    this.#live.add(stream)
    this.#bytes += stream.bytes
    this.#bound()
  }

  /** Records that the log of this stream grew by `bytes`. */
  grew(stream: Stream, bytes: number): void {
    this.#bytes += bytes
    while (stream.log.bytes > MAX_RUN_BYTES) this.#bytes -= stream.log.shift()
    this.#bound()
  }

  /** Records the end of a stream. A stream whose outcome exceeds the limit of a run is not kept: the database has it. */
  end(stream: Stream): void {
    const bytes = weigh(stream.outcome)
    this.#live.delete(stream)
    this.#ended.set(stream, this.#clock.now())
    this.#bytes += bytes
    if (bytes > MAX_RUN_BYTES) this.drop(stream)
    this.#arm()
    this.#bound()
  }

  /** Forgets a stream that has ended. */
  drop(stream: Stream): void {
    if (!this.#ended.delete(stream)) return
    this.#bytes -= stream.bytes
    this.#forget(stream)
  }

  close(): void {
    this.#disarm?.()
    this.#disarm = undefined
    this.#live.clear()
    this.#ended.clear()
    this.#bytes = 0
  }

  #bound(): void {
    while (this.#bytes > MAX_BYTES) {
      const [oldest] = this.#ended.keys()
      if (oldest !== undefined) this.drop(oldest)
      else if (!this.#relieve()) return
    }
  }

  #relieve(): boolean {
    let largest: Stream | undefined
    for (const stream of this.#live) if (largest === undefined || stream.bytes > largest.bytes) largest = stream
    const before = this.#bytes
    while (this.#bytes > MAX_BYTES - RELIEF_BYTES) {
      const freed = largest?.log.shift() ?? 0
      if (freed === 0) break
      this.#bytes -= freed
    }
    return this.#bytes < before
  }

  #arm(): void {
    const [oldest] = this.#ended.values()
    if (this.#disarm !== undefined || oldest === undefined) return
    this.#disarm = this.#clock.after(Math.max(0, oldest + KEEP_MS - this.#clock.now()), () => {
      this.#disarm = undefined
      this.#sweep()
    })
  }

  #sweep(): void {
    const since = this.#clock.now() - KEEP_MS
    for (const [stream, endedAt] of this.#ended) {
      if (endedAt > since) break
      this.drop(stream)
    }
    this.#arm()
  }
}
