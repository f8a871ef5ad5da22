/** Characters of a line of stderr that are looked at. */
const MAX_LINE = 2000
const WINDOW_MS = 10_000
/** Lines a window. A server that says more says nothing that anybody would read. */
const MAX_LINES = 50

/** What a server prints for people, line by line: long lines cut, and no more of them than a log can bear. */
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

  /** The server is gone. */
  end(): void {
    this.#end()
    this.#tellLeftOut()
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
    this.#tellLeftOut()
    this.#since = this.#now()
    this.#shown = 0
  }

  #tellLeftOut(): void {
    if (this.#leftOut > 0) this.#show(`[${this.#leftOut} more lines are left out]`)
    this.#leftOut = 0
  }
}
