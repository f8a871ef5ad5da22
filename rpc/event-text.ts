import { emptyFrame } from './frame-writer.ts'
import { type Dialect, type EventFrame, eventHead, eventMembers, type RequestId } from './frames.ts'

/**
 * Bytes of events. An event that many connections receive is made JSON once: only the head with the id differs. One instance serves all
 * connections of a gateway, which receive an event one right after the other.
 */
export class EventText {
  #last: EventFrame | undefined
  /** Members of the last event, without its id. */
  #members: Buffer = Buffer.alloc(0)
  #frame: Buffer = Buffer.alloc(0)
  #dialect: Dialect = 'native'
  #id: RequestId = null

  /** The event as one frame of text. The bytes must not be changed. */
  frameOf(dialect: Dialect, event: EventFrame): Buffer {
    const known = this.#last !== undefined && isSame(this.#last, event)
    if (known && this.#dialect === dialect && this.#id === event.id) return this.#frame
    if (!known) {
      this.#last = event
      this.#members = Buffer.from(eventMembers(event))
    }
    const [head, tail] = eventHead(dialect, event.id)
    const headBytes = Buffer.byteLength(head)
    const size = headBytes + this.#members.length + tail.length
    const frame = emptyFrame(size)
    const from = frame.length - size
    frame.write(head, from)
    this.#members.copy(frame, from + headBytes)
    frame.write(tail, frame.length - tail.length)
    this.#dialect = dialect
    this.#id = event.id
    this.#frame = frame
    return frame
  }
}

/** Events are plain data that never change: the same data of the same place is the same event. */
function isSame({ event, data, origin }: EventFrame, other: EventFrame): boolean {
  return (
    data === other.data &&
    event === other.event &&
    origin.seq === other.origin.seq &&
    origin.runId === other.origin.runId &&
    origin.sessionId === other.origin.sessionId &&
    origin.fromSeq === other.origin.fromSeq
  )
}
