import { gap, type SessionEvent, type StreamEvent } from './events.ts'

/** Entries past which what can be merged is merged. */
const MERGE_PAST = 1024
/** Newest entries that stay as they are: a reader that keeps up sees every event as it came. */
const NEWEST = 256
/** Entries that are kept after that; older ones are dropped. */
const MAX_ENTRIES = 8192
/** Characters of all entries together, as frames; older ones are dropped. */
const MAX_CHARACTERS = 16 * 1024 * 1024

interface Entry<E> {
  event: E
  size: number
}

/**
 * Events in order, read by any number of readers at their own pace. Bounded: `content` events of one run that follow each other without
 * a gap are merged into one, as the gateway does for a peer that reads slowly; then the oldest events are dropped, and a reader that had not
 * come to them gets a `gap` in their place.
 *
 * Invariants: entry `i` has the number `#first + i`. A merged entry never spans the position of a reader.
 */
export class EventLog<E extends SessionEvent = StreamEvent> {
  #entries: Entry<E>[] = []
  #first = 0
  #characters = 0
  #mergeAt = MERGE_PAST
  #ended = false
  #error: Error | undefined
  /** Positions of the readers: the number of the entry that each reads next. */
  readonly #readers = new Set<Reader>()
  /** False: only current readers need the events. */
  readonly #keep: boolean

  constructor({ keep }: { readonly keep: boolean }) {
    this.#keep = keep
  }

  push(event: E, size: number): void {
    if (this.#ended || (!this.#keep && this.#readers.size === 0)) return
    this.#entries.push({ event, size })
    this.#characters += size
    if (this.#entries.length > this.#mergeAt || this.#characters > MAX_CHARACTERS) this.#compact()
    for (const reader of this.#readers) wake(reader)
  }

  /** Readers end once they have read everything; with an error they fail with it. The first end stands. */
  end(error?: Error): void {
    if (this.#ended) return
    this.#ended = true
    this.#error = error
    for (const reader of this.#readers) wake(reader)
  }

  /** Reads from the oldest entry on. `close` runs when the reader ends or stops. */
  read(close: () => void = () => {}): AsyncIterableIterator<E> {
    const reader: Reader = { at: this.#first, waiting: undefined }
    this.#readers.add(reader)
    const stop = (): void => {
      if (!this.#readers.delete(reader)) return
      wake(reader)
      close()
    }
    const next = async (): Promise<IteratorResult<E>> => {
      for (;;) {
        if (!this.#readers.has(reader)) return { done: true, value: undefined }
        const entry = this.#at(reader)
        if (entry) return { done: false, value: entry }
        if (this.#ended) {
          stop()
          if (this.#error) throw this.#error
          return { done: true, value: undefined }
        }
        reader.waiting ??= deferred()
        await reader.waiting.promise
      }
    }
    return {
      next,
      async return() {
        stop()
        return { done: true, value: undefined }
      },
      [Symbol.asyncIterator]() {
        return this
      }
    }
  }

  #at(reader: Reader): E | undefined {
    if (reader.at < this.#first) {
      reader.at = this.#first
      const before = this.#entries[0]?.event
      return gap(before?.sessionId ?? '', before?.runId) as E
    }
    const event = this.#entries[reader.at - this.#first]?.event
    if (event === undefined) return undefined
    reader.at++
    if (!this.#keep) this.#release()
    return event
  }

  /** Drops what every reader has read. In bulk, so that each entry costs nothing. */
  #release(): void {
    let read = this.#first + this.#entries.length
    for (const { at } of this.#readers) read = Math.min(read, at)
    const count = read - this.#first
    if (count > 0 && count * 2 >= this.#entries.length) this.#drop(count)
  }

  #compact(): void {
    const positions = new Set([...this.#readers].map(({ at }) => at))
    const moved = new Map<number, number>()
    const merged: Entry<E>[] = []
    let number = this.#first
    const newest = number + this.#entries.length - NEWEST
    for (const entry of this.#entries) {
      const last = merged.at(-1)
      const boundary = positions.has(number) || number >= newest
      if (boundary) moved.set(number, this.#first + merged.length)
      const joined = last && !boundary ? mergeContent(last.event, entry.event) : undefined
      if (joined && last && entry.event.event === 'content') {
        const { length } = entry.event.data.text
        last.event = joined
        last.size += length
        this.#characters += length - entry.size
      } else merged.push({ ...entry })
      number++
    }
    for (const reader of this.#readers) {
      if (reader.at >= this.#first) reader.at = moved.get(reader.at) ?? this.#first + merged.length
    }
    this.#entries = merged
    while (this.#entries.length > MAX_ENTRIES || this.#characters > MAX_CHARACTERS)
      this.#drop(Math.ceil(this.#entries.length / 4))
    this.#mergeAt = Math.min(MAX_ENTRIES, Math.max(MERGE_PAST, this.#entries.length * 2))
  }

  #drop(count: number): void {
    for (const { size } of this.#entries.splice(0, count)) this.#characters -= size
    this.#first += count
  }
}

interface Reader {
  at: number
  waiting: Deferred | undefined
}

interface Deferred {
  readonly promise: Promise<void>
  readonly resolve: () => void
}

function deferred(): Deferred {
  let resolve = (): void => {}
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

function wake(reader: Reader): void {
  reader.waiting?.resolve()
  reader.waiting = undefined
}

/** Two events as one; undefined where they do not follow each other, or say more than their text. */
function mergeContent<E extends SessionEvent>(before: E, after: E): E | undefined {
  if (before.event !== 'content' || after.event !== 'content' || before.runId !== after.runId) return undefined
  if (before.data.transient || after.data.transient || (after.fromSeq ?? after.seq) !== before.seq + 1) return undefined
  return { ...after, fromSeq: before.fromSeq ?? before.seq, data: { text: before.data.text + after.data.text } }
}
