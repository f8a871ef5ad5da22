import type { Clock } from '../../../lanes/clock.ts'

/** Telegram takes about one change of a message a second. */
const EVERY_MS = 1200

/** Calls of Telegram that a draft makes. */
export interface Pen {
  /** Returns the id of the message. */
  send(text: string): Promise<number>
  edit(messageId: number, text: string): Promise<void>
}

/**
 * An answer that can be read while it is written: a message that is edited as the text grows. It is a courtesy: after a failure it stays as it
 * is, and the outbox delivers the whole answer in its place.
 */
export class Draft {
  readonly #pen: Pen
  readonly #clock: Clock
  readonly #limit: number
  #text = ''
  #shown = ''
  #message: number | undefined
  #writing: Promise<void> = Promise.resolve()
  #callOff: (() => void) | undefined
  #over = false

  constructor(pen: Pen, { clock, limit }: { clock: Clock; limit: number }) {
    this.#pen = pen
    this.#clock = clock
    this.#limit = limit
  }

  /** More of the answer. */
  add(text: string): void {
    // Text beyond the limit comes with the whole answer.
    if (this.#text.length <= this.#limit) this.#text += text
    if (!this.#over) this.#callOff ??= this.#clock.after(EVERY_MS, () => this.#write())
  }

  /** Ends the draft. Returns its message once it is written; undefined: it has none. */
  async end(): Promise<number | undefined> {
    this.#over = true
    this.#callOff?.()
    await this.#writing
    return this.#message
  }

  #write(): void {
    this.#callOff = undefined
    const text = this.#text.slice(0, this.#limit).trim()
    if (this.#over || text === '' || text === this.#shown || this.#text.length > this.#limit) return
    this.#shown = text
    this.#writing = this.#writing.then(async () => {
      if (this.#message === undefined) this.#message = await this.#pen.send(text)
      else await this.#pen.edit(this.#message, text)
    })
    this.#writing = this.#writing.catch(() => {
      this.#over = true
    })
  }
}
