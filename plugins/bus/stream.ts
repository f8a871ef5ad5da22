import type { RunEvent, RunOutcome } from '../../rpc/schemas/run-events.ts'
import { EventBuffer, weigh } from './event-buffer.ts'
import type { Message, Waiter } from './waiter.ts'

/** What a stream takes beside its events and its outcome. */
const STREAM_BYTES = 1024

/** Where a stream tells what happens to it. */
export interface StreamObserver {
  said(stream: Stream, event: RunEvent): void
  ended(stream: Stream, outcome: RunOutcome): void
}

/**
 * What one run says: events numbered from 1 without gaps, kept for those who come back, until its end and a while longer.
 *
 * Invariant: `seq` is the number of the newest event; the log holds the newest `log.length` of them.
 */
export class Stream {
  readonly sessionId: string
  readonly runId: string
  readonly log = new EventBuffer()
  /** Those who follow this run, each with the number of the newest event it is not told: it had that one already. */
  readonly readers = new Map<Waiter, number>()
  /** The messages that are part of this run. */
  readonly messages = new Set<Message>()
  readonly #teller: StreamObserver
  #seq = 0
  #outcome: RunOutcome | undefined

  constructor(sessionId: string, runId: string, teller: StreamObserver) {
    this.sessionId = sessionId
    this.runId = runId
    this.#teller = teller
  }

  /** The number of the newest event; 0 before the first. */
  get seq(): number {
    return this.#seq
  }

  /** The number of the oldest event that is kept; that of the next one when none is. */
  get firstSeq(): number {
    return this.#seq - this.log.length + 1
  }

  get ended(): boolean {
    return this.#outcome !== undefined
  }

  /** How the run ended. */
  get outcome(): RunOutcome | undefined {
    return this.#outcome
  }

  /** Estimated. */
  get bytes(): number {
    return STREAM_BYTES + this.log.bytes + (this.#outcome === undefined ? 0 : weigh(this.#outcome))
  }

  /** Who has yet to be told this event. */
  *readersOf({ seq }: RunEvent): Iterable<Waiter> {
    for (const [follower, from] of this.readers) if (seq > from) yield follower
  }

  /** Says the next event. `data` is plain, and must not change afterwards. Does nothing once the stream has ended. */
  emit(event: string, data: unknown): void {
    if (this.ended) return
    const { sessionId, runId } = this
    this.#teller.said(this, { sessionId, runId, seq: ++this.#seq, event, data })
  }

  /** Nothing comes after it; whoever follows the run itself is told. The first end stands. */
  end(outcome: RunOutcome): void {
    if (this.ended) return
    this.#outcome = outcome
    this.#teller.ended(this, outcome)
  }
}
