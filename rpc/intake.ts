/** Frames of one socket that are handled in one turn of the event loop. Calls that answer at once would otherwise hold up every other peer. */
export const FRAMES_A_TURN = 64

export interface IntakeOptions {
  /** The socket that frames come from. */
  readonly socket: { pause(): void; resume(): void }
  /** Handles one frame. */
  readonly handle: (data: Buffer, isBinary: boolean) => void
  /** Tells if the peer is owed more than its buffer. Then it has to read before it is read. */
  readonly owes: () => boolean
}

interface Frame {
  readonly data: Buffer
  readonly isBinary: boolean
}

/**
 * Frames of one socket on their way to be handled, in order. The socket is paused while frames wait here, so at most the frames of one
 * read of the socket do. Frames wait while the peer is owed more than its buffer, because every answer to it would have to be kept, and
 * after `FRAMES_A_TURN` of them until the next turn of the event loop.
 */
export class Intake {
  readonly #options: IntakeOptions
  #waiting: Frame[] | undefined
  #taken = 0
  #scheduled = false

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  add(data: Buffer, isBinary: boolean): void {
    if (this.#waiting === undefined && this.#mayTake()) {
      this.#take({ data, isBinary })
      return
    }
    if (this.#waiting === undefined) {
      this.#waiting = []
      this.#options.socket.pause()
    }
    this.#waiting.push({ data, isBinary })
  }

  /** Continues once the peer has read. Called whenever it may have. */
  drain(): void {
    if (this.#waiting === undefined) return
    let next = 0
    while (next < this.#waiting.length && this.#mayTake()) this.#take(this.#waiting[next++]!)
    this.#waiting.splice(0, next)
    if (this.#waiting.length > 0) return
    this.#waiting = undefined
    this.#options.socket.resume()
  }

  #mayTake(): boolean {
    return this.#taken < FRAMES_A_TURN && !this.#options.owes()
  }

  #take({ data, isBinary }: Frame): void {
    this.#taken++
    if (!this.#scheduled) {
      this.#scheduled = true
      setImmediate(this.#nextTurn)
    }
    this.#options.handle(data, isBinary)
  }

  readonly #nextTurn = (): void => {
    this.#scheduled = false
    this.#taken = 0
    this.drain()
  }
}
