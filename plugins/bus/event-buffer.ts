import type { RunEvent } from '../../rpc/schemas/run-events.ts'

/** What an event takes beside its texts: the objects, and the names around them in JSON. */
const EVENT_BYTES = 128
/** What any value takes beside its text. */
const VALUE_BYTES = 8

/** The newest events of one run. What is no longer kept is missing at the front only. */
export class EventBuffer {
  /** Those before `#head` are dropped. Their places leave the array together, so that each of them costs nothing. */
  #events: (RunEvent | undefined)[] = []
  #head = 0
  /** Estimated size as JSON. */
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  /** Answers by how much the log has grown. */
  push(event: RunEvent): number {
    const bytes = sizeOf(event)
    this.#events.push(event)
    this.#bytes += bytes
    return bytes
  }

  /** Drops the oldest event. Answers how much that was: 0 when there was none. */
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

  /** The kept events that come after the one of that number. */
  after(seq: number): RunEvent[] {
    const first = this.#events[this.#head]?.seq ?? 0
    return this.#events.slice(this.#head + Math.max(0, seq + 1 - first)) as RunEvent[]
  }

  /** The same with runs of `content` told as one: whoever comes back late is told little, though there was much. */
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

  /** How many events are kept. */
  get length(): number {
    return this.#events.length - this.#head
  }
}

/** The text of an event that is nothing but text. */
function textOf({ event, data }: RunEvent): string | undefined {
  if (event !== 'content') return undefined
  const { text, ...rest } = data as { text: string }
  return Object.keys(rest).length === 0 ? text : undefined
}

function sizeOf({ data }: RunEvent): number {
  return EVENT_BYTES + weigh(data)
}

/** About how long a plain value is as JSON, without making that JSON. */
export function weigh(value: unknown): number {
  if (typeof value === 'string') return VALUE_BYTES + value.length
  if (typeof value !== 'object' || value === null) return VALUE_BYTES
  let bytes = VALUE_BYTES
  for (const key in value) bytes += key.length + weigh((value as Record<string, unknown>)[key])
  return bytes
}
