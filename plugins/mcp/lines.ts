/** Characters of a line of stderr that are read. */
const MAX_LINE = 2000
const WINDOW_MS = 10_000
/** Lines a window. More would only fill the log. */
const MAX_LINES = 50

/** Stderr of a server, line by line: long lines are cut, and a flood of lines is left out. */
export class Lines {
  readonly #show: (line: string) => void
  readonly #now: () => number
  readonly #decoder = new TextDecoder()
  #line = ''
  #since: number
  #shown = 0
  #leftOut = 0

  constructor(show: (line: string) => void, now = Date.now) {
    this.#show = show
    this.#now = now
    this.#since = now()
  }

  add(chunk: Buffer): void {
    const [first = '', ...more] = this.#decoder.decode(chunk, { stream: true }).split('\n')
    this.#line = (this.#line + first).slice(0, MAX_LINE)
    for (const next of more) {
      this.#end()
      this.#line = next.slice(0, MAX_LINE)
    }
  }

  /** The server has ended. */
  end(): void {
    this.#end()
    this.#noteLeftOut()
  }

  #end(): void {
    const line = this.#line.trim()
    this.#line = ''
    if (line === '') return
    if (this.#now() - this.#since >= WINDOW_MS) this.#turn()
    if (this.#shown === MAX_LINES) this.#leftOut++
    else {
      this.#shown++
      this.#show(line)
    }
  }

  #turn(): void {
    this.#noteLeftOut()
    this.#since = this.#now()
    this.#shown = 0
  }

  #noteLeftOut(): void {
    if (this.#leftOut > 0) this.#show(`[${this.#leftOut} more lines are left out]`)
    this.#leftOut = 0
  }
}
