import type { Writable } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Origin } from './define.ts'
import { EventText } from './event-text.ts'
import { type Corker, FrameWriter, textFrame } from './frame-writer.ts'
import { type Dialect, type EventFrame, eventFrame, type RequestId } from './frames.ts'

export { Corker } from './frame-writer.ts'

/** Factor of the limit beyond which a peer must make progress. With the bytes in the socket it is four times the limit. */
export const SLOW_FACTOR = 3
/** Factor of the limit beyond which the connection ends in any case, so that no peer fills the memory by reading a byte at a time. */
export const HOPELESS_FACTOR = 64
/** Milliseconds that a peer beyond the limit may read nothing at all. */
export const STALL_MS = 2000

interface Waiting {
  readonly dialect: Dialect
  frame: EventFrame | string
  bytes: number
}

export interface SendBufferOptions {
  readonly socket: WebSocket
  /** The socket below the WebSocket; absent where frames do not travel over one. */
  readonly stream: Writable | undefined
  readonly corker: Corker
  /** Shared by all connections. Default: one of its own. */
  readonly eventText?: EventText
  /** Bytes that may lie unsent in the socket before frames wait here: `server.send_buffer_bytes`. */
  readonly limit: number
  /** Calls `fn` after `STALL_MS`. */
  readonly later: (fn: () => void) => void
  /** The socket has taken a frame to the network: the peer may be owed less. */
  readonly onProgress?: () => void
  /** The peer does not read: it is owed more than four times the limit, and takes none of it. Called once. */
  readonly onSlow: () => void
}

/**
 * Frames that wait to be sent to one peer, in order. While the peer reads, a frame goes straight to its socket. When more than `limit`
 * bytes lie there unsent, frames wait here instead, and `content` events of one run that follow each other are merged
 * into one: those of one request are never reordered, never lost. What waits is sent as the socket drains.
 *
 * A peer is slow when it is owed more than four times the limit and takes none of it for two seconds: a burst within one
 * turn of the event loop, however large, says nothing about a peer that had no chance to read yet.
 *
 * Invariant: once something waits, everything after it waits too.
 */
export class SendBuffer {
  readonly #options: SendBufferOptions
  /** Absent where frames have to go through the WebSocket: they travel over no socket, or are compressed. */
  readonly #writer: FrameWriter | undefined
  readonly #eventText: EventText
  #waiting: Waiting[] = []
  /** The newest waiting event of each request: what more of the same may be merged into. */
  #newest: Map<RequestId, Waiting> | undefined
  #bytes = 0
  /** Frames the socket has taken to the network since it was last looked at. */
  #progress = 0
  #watched = false
  #moved = false
  #closed = false

  constructor(options: SendBufferOptions) {
    this.#options = options
    const { socket, stream, corker, eventText = new EventText() } = options
    this.#writer = stream && !socket.extensions ? new FrameWriter(stream, corker, () => this.#sent()) : undefined
    this.#eventText = eventText
  }

  /** Bytes that the peer may be owed before it counts as full. */
  get limit(): number {
    return this.#options.limit
  }

  /** Bytes that wait here and in the socket. */
  get owed(): number {
    return this.#bytes + this.#unsent
  }

  /** Tells if the peer is owed more than its buffer. */
  get full(): boolean {
    return this.owed > this.#options.limit
  }

  /** Tells if the socket has taken anything since the last call. */
  moved(): boolean {
    const moved = this.#moved
    this.#moved = false
    return moved
  }

  send(frame: string): void {
    if (this.#closed) return
    if (this.#congested()) this.#wait({ dialect: 'native', frame, bytes: Buffer.byteLength(frame) })
    else this.#write(frame)
  }

  event(dialect: Dialect, frame: EventFrame): void {
    if (this.#closed) return
    if (!this.#congested()) this.#writeEvent(dialect, frame)
    else if (!this.#merge(frame)) {
      const item = { dialect, frame, bytes: Buffer.byteLength(JSON.stringify(frame.data)) }
      this.#newest ??= new Map()
      this.#newest.set(frame.id, item)
      this.#wait(item)
    }
  }

  /** Writes what waits, whatever the peer does, so that a goodbye comes after it; nothing is taken any more. */
  finish(): void {
    if (this.#closed) return
    for (const item of this.#waiting) this.#writeItem(item)
    this.#writer?.flush()
    this.discard()
  }

  /** Forgets what waits; nothing is taken any more. */
  discard(): void {
    this.#closed = true
    this.#waiting = []
    this.#newest = undefined
    this.#bytes = 0
  }

  /** Bytes that were written and not yet taken by the network. */
  get #unsent(): number {
    return (this.#writer?.bytes ?? 0) + this.#options.socket.bufferedAmount
  }

  #congested(): boolean {
    return this.#waiting.length > 0 || this.#unsent > this.#options.limit
  }

  #wait(item: Waiting): void {
    this.#waiting.push(item)
    this.#grow(item.bytes)
  }

  #merge(next: EventFrame): boolean {
    const item = this.#newest?.get(next.id)
    if (!item || typeof item.frame === 'string') return false
    const { frame } = item
    if (!isText(frame) || !isText(next) || !follows(frame, next)) return false
    const { text } = next.data
    const fromSeq = frame.origin.fromSeq ?? frame.origin.seq
    item.frame = { ...next, data: { text: frame.data.text + text }, origin: { ...next.origin, fromSeq } }
    const bytes = Buffer.byteLength(text)
    item.bytes += bytes
    this.#grow(bytes)
    return true
  }

  #grow(bytes: number): void {
    this.#bytes += bytes
    const { limit } = this.#options
    if (this.#bytes > limit * HOPELESS_FACTOR) this.#giveUp()
    else if (this.#bytes > limit * SLOW_FACTOR && !this.#watched) this.#watch()
  }

  #watch(): void {
    this.#watched = true
    this.#progress = 0
    this.#options.later(() => {
      this.#watched = false
      if (this.#closed || this.#bytes <= this.#options.limit * SLOW_FACTOR) return
      if (this.#progress === 0) this.#giveUp()
      else this.#watch()
    })
  }

  #giveUp(): void {
    this.#writer?.flush()
    this.discard()
    this.#options.onSlow()
  }

  #writeItem({ dialect, frame }: Waiting): void {
    if (typeof frame === 'string') this.#write(frame)
    else this.#writeEvent(dialect, frame)
  }

  #write(text: string): void {
    if (this.#writer) this.#writer.write(textFrame(text))
    else this.#options.socket.send(text, () => this.#sent())
  }

  #writeEvent(dialect: Dialect, frame: EventFrame): void {
    if (this.#writer) this.#writer.write(this.#eventText.frameOf(dialect, frame))
    else this.#write(eventFrame(dialect, frame))
  }

  #sent(): void {
    this.#progress++
    this.#moved = true
    while (this.#waiting.length > 0 && this.#unsent <= this.#options.limit) {
      const item = this.#waiting.shift()!
      this.#bytes -= item.bytes
      if (typeof item.frame !== 'string' && this.#newest?.get(item.frame.id) === item) this.#newest.delete(item.frame.id)
      this.#writeItem(item)
    }
    this.#options.onProgress?.()
  }
}

type Text = EventFrame & { readonly data: { readonly text: string }; readonly origin: Origin & { readonly seq: number } }

/** A piece of the answer. Content that says more of itself than its text is not: merged, it would no longer say it. */
function isText(frame: EventFrame): frame is Text {
  const { event, data, origin } = frame
  if (event !== 'content' || origin.seq === undefined) return false
  for (const key in data as object) if (key !== 'text') return false
  return true
}

/**
 * Tells if one directly follows the other in one run. Events of a subscription may belong to several runs, and omit those
 * that the connection received for another request.
 */
function follows({ origin: before }: Text, { origin: after }: Text): boolean {
  return before.runId === after.runId && (after.fromSeq ?? after.seq) === before.seq + 1
}
