import type { WebSocket } from 'ws'
import { type Dialect, type EventFrame, eventFrame } from './frames.ts'

/** How much of the send buffer may wait here before the peer counts as one that does not read. */
const SLOW_FACTOR = 3

/**
 * Frames written in the same turn of the event loop leave in one packet: the stream is corked at the first one and
 * uncorked when the turn ends. One instance serves all sockets of a gateway, so that a turn costs one callback.
 */
export class Corker {
  #corked: Corkable[] = []

  cork(stream: Corkable): void {
    stream.cork()
    if (this.#corked.push(stream) === 1) setImmediate(this.#uncork)
  }

  readonly #uncork = (): void => {
    const corked = this.#corked
    this.#corked = []
    for (const stream of corked) stream.uncork()
  }
}

interface Corkable {
  readonly writableCorked: number
  cork(): void
  uncork(): void
}

interface Waiting {
  readonly dialect: Dialect
  frame: EventFrame | string
  bytes: number
}

export interface OutboxOptions {
  readonly socket: WebSocket
  /** The socket below the WebSocket; absent where frames do not travel over one. */
  readonly stream: Corkable | undefined
  readonly corker: Corker
  /** Bytes that may lie unsent in the socket before frames wait here: `server.send_buffer_bytes`. */
  readonly limit: number
  /** The peer does not read: what it is owed has grown past four times the limit. Called once. */
  readonly onSlow: () => void
}

/**
 * What one peer is owed, in order. While the peer reads, a frame goes straight to its socket. When more than `limit`
 * bytes lie there unsent, frames wait here instead, and `content` events of one run that follow each other are merged
 * into one: never reordered, never lost. What waits is sent as the socket drains.
 *
 * Invariant: once something waits, everything after it waits too.
 */
export class Outbox {
  readonly #options: OutboxOptions
  #waiting: Waiting[] = []
  #bytes = 0
  #closed = false

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  send(frame: string): void {
    if (this.#closed) return
    if (this.#congested()) this.#wait({ dialect: 'native', frame, bytes: frame.length })
    else this.#write(frame)
  }

  event(dialect: Dialect, frame: EventFrame): void {
    if (this.#closed) return
    if (!this.#congested()) this.#write(eventFrame(dialect, frame))
    else if (frame.event !== 'content' || !this.#merge(frame)) {
      this.#wait({ dialect, frame, bytes: JSON.stringify(frame.data).length })
    }
  }

  /** Writes what waits, whatever the peer does, so that a goodbye comes after it; nothing is taken any more. */
  finish(): void {
    if (this.#closed) return
    for (const item of this.#waiting) this.#write(textOf(item))
    this.discard()
  }

  /** Forgets what waits; nothing is taken any more. */
  discard(): void {
    this.#closed = true
    this.#waiting = []
    this.#bytes = 0
  }

  #congested(): boolean {
    return this.#waiting.length > 0 || this.#options.socket.bufferedAmount > this.#options.limit
  }

  #wait(item: Waiting): void {
    this.#waiting.push(item)
    this.#grow(item.bytes)
  }

  #merge(next: EventFrame): boolean {
    const last = this.#waiting.at(-1)
    if (!last || typeof last.frame === 'string') return false
    const { frame } = last
    const together = frame.event === 'content' && frame.id === next.id && frame.origin.runId === next.origin.runId
    if (!together) return false
    const [before, after] = [frame.data as Content, next.data as Content]
    if (before.transient || after.transient) return false
    last.frame = { ...next, data: { text: before.text + after.text }, fromSeq: frame.fromSeq ?? frame.origin.seq }
    last.bytes += after.text.length
    this.#grow(after.text.length)
    return true
  }

  #grow(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes <= this.#options.limit * SLOW_FACTOR) return
    this.discard()
    this.#options.onSlow()
  }

  #write(text: string): void {
    const { stream, corker, socket } = this.#options
    if (stream && stream.writableCorked === 0) corker.cork(stream)
    socket.send(text, this.#sent)
  }

  readonly #sent = (): void => {
    while (this.#waiting.length > 0 && this.#options.socket.bufferedAmount <= this.#options.limit) {
      const item = this.#waiting.shift()!
      this.#bytes -= item.bytes
      this.#write(textOf(item))
    }
  }
}

interface Content {
  readonly text: string
  readonly transient?: boolean
}

function textOf({ dialect, frame }: Waiting): string {
  return typeof frame === 'string' ? frame : eventFrame(dialect, frame)
}
