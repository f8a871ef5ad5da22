import type { RunEvent, RunOutcome } from '../../rpc/schemas/run-events.ts'
import { EventBuffer, weigh } from './event-buffer.ts'
import type { Message, Waiter } from './waiter.ts'

/** Estimated size of a stream without its events and outcome. */
const STREAM_BYTES = 1024

/** Receives the events and the end of a stream. */
export interface StreamObserver {
  said(stream: Stream, event: RunEvent): void
  ended(stream: Stream, outcome: RunOutcome): void
}

/**
 * Events of one run, numbered from 1 without gaps. They are kept for replay until its end and a while longer.
 *
 * Invariant: `seq` is the number of the newest event; the log holds the newest `log.length` of them.
 */
export class Stream {
  readonly sessionId: string
  readonly runId: string
  readonly log = new EventBuffer()
  /** Waiters of this run, each with the number of the newest event that it already has. */
  readonly readers = new Map<Waiter, number>()
  /** Messages that are part of this run. */
  readonly messages = new Set<Message>()
  readonly #observer: StreamObserver
  #seq = 0
  #outcome: RunOutcome | undefined

  constructor(sessionId: string, runId: string, observer: StreamObserver) {
    this.sessionId = sessionId
    this.runId = runId
    this.#observer = observer
  }

  /** Number of the newest event; 0 before the first. */
  get seq(): number {
    return this.#seq
  }

  /** Number of the oldest kept event; that of the next one when none is kept. */
  get firstSeq(): number {
    return this.#seq - this.log.length + 1
  }

  get ended(): boolean {
    return this.#outcome !== undefined
  }

  /** Outcome of the run. */
  get outcome(): RunOutcome | undefined {
    return this.#outcome
  }

  /** Estimated size. */
  get bytes(): number {
    return STREAM_BYTES + this.log.bytes + (this.#outcome === undefined ? 0 : weigh(this.#outcome))
  }

  /** Waiters that have yet to get this event. */
  *readersOf({ seq }: RunEvent): Iterable<Waiter> {
    for (const [follower, from] of this.readers) if (seq > from) yield follower
  }

  /** Publishes the next event. `data` is plain, and must not change afterwards. Does nothing once the stream has ended. */
  emit(event: string, data: unknown): void {
    if (this.ended) return
    const { sessionId, runId } = this
    this.#observer.said(this, { sessionId, runId, seq: ++this.#seq, event, data })
  }

  /** Ends the stream. Waiters of the run get the outcome. The first end stands. */
  end(outcome: RunOutcome): void {
    if (this.ended) return
    this.#outcome = outcome
    this.#observer.ended(this, outcome)
  }
}
