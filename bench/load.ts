import { once } from 'node:events'
import net from 'node:net'

/**
 * A WebSocket client that costs as little as possible, so that the figures are those of the server: frames are built once,
 * answers are counted by their headers and never parsed, and what one read answers is asked again in one write.
 */
export class LoadClient {
  readonly #socket: net.Socket
  readonly #requests: Buffer[]
  #next = 0
  #rest: Buffer = Buffer.alloc(0)
  #onAnswers: (count: number) => void = () => {}

  private constructor(socket: net.Socket, requests: Buffer[]) {
    this.#socket = socket
    this.#requests = requests
    socket.on('data', (chunk: Buffer) => this.#onAnswers(this.#count(chunk)))
  }

  /** Opens one connection; `texts` are the requests it sends in turn. */
  static async open(port: number, texts: readonly string[]): Promise<LoadClient> {
    const socket = net.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    socket.setNoDelay(true)
    socket.write(
      `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n'
    )
    const [head] = (await once(socket, 'data')) as [Buffer]
    if (!head.toString('latin1').startsWith('HTTP/1.1 101'))
      throw new Error(`no upgrade: ${head.toString('latin1').slice(0, 80)}`)
    return new LoadClient(socket, texts.map(clientFrame))
  }

  /** Keeps `inFlight` requests under way until `total` answers came. Resolves then. */
  run(total: number, inFlight: number): Promise<void> {
    return new Promise((resolve) => {
      let sent = Math.min(inFlight, total)
      let answered = 0
      this.#onAnswers = (count) => {
        answered += count
        const more = Math.min(count, total - sent)
        sent += more
        if (more > 0) this.#send(more)
        if (answered === total) resolve()
      }
      this.#send(sent)
    })
  }

  /** Sends the first request once. Resolves after that many frames. */
  follow(frames: number): Promise<void> {
    const counted = this.listen(frames)
    this.#next = 0
    this.#send(1)
    return counted
  }

  /** Resolves after that many frames from now on. */
  listen(frames: number): Promise<void> {
    return new Promise((resolve) => {
      let counted = 0
      this.#onAnswers = (count) => {
        counted += count
        if (counted >= frames) resolve()
      }
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #send(count: number): void {
    const frames: Buffer[] = []
    for (let n = 0; n < count; n++) frames.push(this.#requests[this.#next++ % this.#requests.length]!)
    this.#socket.write(frames.length === 1 ? frames[0]! : Buffer.concat(frames))
  }

  /** Number of frames that a chunk completes (RFC 6455 section 5.2). */
  #count(chunk: Buffer): number {
    const data = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk
    let at = 0
    let frames = 0
    while (data.length - at >= 2) {
      let size = data[at + 1]! & 0x7f
      let head = 2
      if (size === 126) {
        if (data.length - at < 4) break
        size = data.readUInt16BE(at + 2)
        head = 4
      }
      if (data.length - at < head + size) break
      // Answers are text; a ping of the server's heartbeat is none.
      if ((data[at]! & 0x0f) === 1) frames++
      at += head + size
    }
    this.#rest = data.subarray(at)
    return frames
  }
}

/** A masked text frame; the mask is zero, so the payload stands as it is. */
function clientFrame(text: string): Buffer {
  const payload = Buffer.from(text)
  const head =
    payload.length < 126
      ? Buffer.from([0x81, 0x80 | payload.length])
      : Buffer.from([0x81, 0xfe, payload.length >> 8, payload.length & 0xff])
  return Buffer.concat([head, Buffer.alloc(4), payload])
}
