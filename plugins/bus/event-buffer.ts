import type { RunEvent } from '../../rpc/schemas/run-events.ts'

/** Estimated size of an event without its texts: objects, and names in JSON. */
const EVENT_BYTES = 128
/** Estimated size of a value without its text. */
const VALUE_BYTES = 8

/** Newest events of one run. Only the oldest are missing. */
export class EventBuffer {
  /** Events before `#head` are dropped. They leave the array together, which makes dropping one cheap. */
  #events: (RunEvent | undefined)[] = []
  #head = 0
  /** Estimated size as JSON. */
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  /** Adds an event. Returns its estimated size. */
  push(event: RunEvent): number {
    const bytes = sizeOf(event)
    this.#events.push(event)
    this.#bytes += bytes
    return bytes
  }

  /** Drops the oldest event. Returns its estimated size; 0 when there was none. */
  shift(): number {
    const oldest = this.#events[this.#head]
    if (oldest === undefined) return 0
    const bytes = sizeOf(oldest)
    this.#bytes -= bytes
    this.#events[this.#head++] = undefined
    if (this.#head * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#head)
      this.#head = 0
    }
    return bytes
  }

  /** Events after the one with that number. */
  after(seq: number): RunEvent[] {
    const first = this.#events[this.#head]?.seq ?? 0
    return this.#events.slice(this.#head + Math.max(0, seq + 1 - first)) as RunEvent[]
  }

  /** The same with consecutive `content` events merged: a client that comes back late gets few events. */
  merged(seq: number): RunEvent[] {
    const told: RunEvent[] = []
    let texts: string[] = []
    let first: RunEvent | undefined
    let last: RunEvent | undefined
    const flush = (): void => {
      if (first !== undefined && last !== undefined) {
        told.push(first === last ? first : { ...last, fromSeq: first.seq, data: { text: texts.join('') } })
      }
      first = last = undefined
      texts = []
    }
    for (const event of this.after(seq)) {
      const text = textOf(event)
      if (text === undefined) {
        flush()
        told.push(event)
        continue
      }
      first ??= event
      last = event
      texts.push(text)
    }
    flush()
    return told
  }

  /** Number of events kept. */
  get length(): number {
    return this.#events.length - this.#head
  }
}

/** Text of an event that holds nothing else. */
function textOf({ event, data }: RunEvent): string | undefined {
  if (event !== 'content') return undefined
  const { text, ...rest } = data as { text: string }
  return Object.keys(rest).length === 0 ? text : undefined
}

function sizeOf({ data }: RunEvent): number {
  return EVENT_BYTES + weigh(data)
}

/** Estimated length of a plain value as JSON, without creating that JSON. */
export function weigh(value: unknown): number {
  if (typeof value === 'string') return VALUE_BYTES + value.length
  if (typeof value !== 'object' || value === null) return VALUE_BYTES
  let bytes = VALUE_BYTES
  for (const key in value) bytes += key.length + weigh((value as Record<string, unknown>)[key])
  return bytes
}
