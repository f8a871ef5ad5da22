import { gap, type RunEvent, type StreamEvent } from './events.ts'

/** Runs that one message can be part of and that are remembered. */
const MAX_RUNS = 16

interface Cursor {
  /** Number of the newest event that was seen. */
  seq: number
  /** Number of the first event of the text that is being written, and its length so far. */
  textFrom: number
  textLength: number
}

/** Newest event seen of each run of a message. Events never repeat, and a new run starts at 1. */
export class RunCursors {
  readonly #runs = new Map<string, Cursor>()

  constructor(known: readonly [string, number][] = []) {
    for (const [runId, seq] of known) this.#runs.set(runId, { seq, textFrom: seq + 1, textLength: 0 })
  }

  get size(): number {
    return this.#runs.size
  }

  /** Number of the newest event of the newest run. */
  get newest(): number {
    return [...this.#runs.values()].at(-1)?.seq ?? 0
  }

  entries(): [string, number][] {
    return [...this.#runs].map(([runId, { seq }]) => [runId, seq])
  }

  /** Events up to `seq` will not come. */
  skip(runId: string, seq: number): void {
    const cursor = this.#of(runId)
    cursor.seq = Math.max(cursor.seq, seq)
    cursor.textFrom = cursor.seq + 1
    cursor.textLength = 0
  }

  /** New part of an event; undefined without one. A gap where only the gateway knows the new part. */
  take(event: RunEvent): StreamEvent | undefined {
    const cursor = this.#of(event.runId)
    const { seq, fromSeq = seq } = event
    if (seq <= cursor.seq) return undefined
    const before = cursor.seq
    cursor.seq = seq
    if (event.event !== 'content' || event.data.transient) {
      cursor.textFrom = seq + 1
      cursor.textLength = 0
      return event
    }
    const { textFrom, textLength } = cursor
    if (fromSeq > before) {
      if (textLength === 0) cursor.textFrom = fromSeq
      cursor.textLength += event.data.text.length
      return event
    }
    // Merged, and its beginning was seen.
    cursor.textFrom = fromSeq
    cursor.textLength = event.data.text.length
    if (fromSeq !== textFrom) return gap(event.sessionId, event.runId)
    return { ...event, fromSeq: before + 1, data: { text: event.data.text.slice(textLength) } }
  }

  #of(runId: string): Cursor {
    let cursor = this.#runs.get(runId)
    if (!cursor) {
      cursor = { seq: 0, textFrom: 1, textLength: 0 }
      this.#runs.set(runId, cursor)
      const [oldest] = this.#runs.keys()
      if (this.#runs.size > MAX_RUNS && oldest !== undefined) this.#runs.delete(oldest)
    }
    return cursor
  }
}
