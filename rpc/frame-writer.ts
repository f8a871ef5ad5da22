import type { Writable } from 'node:stream'

/** Bytes up to which frames are joined to one; larger ones are written one by one, so that they need not be copied. */
const JOINED = 256 * 1024

/**
 * Calls each function once at the end of the turn of the event loop. One instance serves all sockets of a gateway, so that a turn
 * costs one callback.
 */
export class Corker {
  #flushes: (() => void)[] = []

  add(flush: () => void): void {
    if (this.#flushes.push(flush) === 1) setImmediate(this.#uncork)
  }

  readonly #uncork = (): void => {
    const flushes = this.#flushes
    this.#flushes = []
    for (const flush of flushes) flush()
  }
}

/**
 * Writes text frames (RFC 6455, 5.2) to the socket below a WebSocket. The frames of one turn of the event loop leave in one write.
 * Frames of a server are not masked, and without an extension they are these bytes and no others.
 */
export class FrameWriter {
  readonly #stream: Writable
  readonly #corker: Corker
  readonly #sent: () => void
  #frames: Buffer[] = []
  #bytes = 0

  /** `sent` is called when the socket has taken what was written. */
  constructor(stream: Writable, corker: Corker, sent: () => void) {
    this.#stream = stream
    this.#corker = corker
    this.#sent = sent
  }

  /** Bytes that the end of the turn will write. */
  get bytes(): number {
    return this.#bytes
  }

  write(frame: Buffer): void {
    if (this.#frames.push(frame) === 1) this.#corker.add(this.flush)
    this.#bytes += frame.length
  }

  /** Writes at once: the next bytes of the socket are not frames of this writer. */
  readonly flush = (): void => {
    const [frames, bytes] = [this.#frames, this.#bytes]
    if (frames.length === 0) return
    this.#frames = []
    this.#bytes = 0
    if (this.#stream.destroyed || !this.#stream.writable) return
    if (bytes <= JOINED) {
      this.#stream.write(frames.length === 1 ? frames[0]! : Buffer.concat(frames, bytes), this.#sent)
      return
    }
    this.#stream.cork()
    for (const frame of frames) this.#stream.write(frame, this.#sent)
    this.#stream.uncork()
  }
}

/** A text as one frame. */
export function textFrame(text: string): Buffer {
  const size = Buffer.byteLength(text)
  const frame = emptyFrame(size)
  frame.write(text, frame.length - size)
  return frame
}

/** A text frame whose payload is still to be written, at its end. */
export function emptyFrame(size: number): Buffer {
  const head = size < 126 ? 2 : size < 65_536 ? 4 : 10
  const frame = Buffer.allocUnsafe(head + size)
  // A final frame of text.
  frame[0] = 0x81
  if (head === 2) frame[1] = size
  else if (head === 4) {
    frame[1] = 126
    frame.writeUInt16BE(size, 2)
  } else {
    frame[1] = 127
    frame.writeBigUInt64BE(BigInt(size), 2)
  }
  return frame
}
