/**
 * Parser of server-sent events (WHATWG HTML, 9.2): takes the text of a stream in any pieces and hands out each event. Lines end with LF,
 * CR or CRLF; comments, `id` and `retry` are ignored; an event without data is none.
 */
export class EventReader {
  readonly #onEvent: (data: string, name: string) => void
  /** The line that has not ended yet, in pieces: joined for each one, an endless line would cost the square of its length. */
  #rest: string[] = []
  #restLength = 0
  #data: string | undefined
  #name = ''

  constructor(onEvent: (data: string, name: string) => void) {
    this.#onEvent = onEvent
  }

  /** Characters of an event that has not ended yet. */
  get pending(): number {
    return this.#restLength + (this.#data?.length ?? 0)
  }

  push(text: string): void {
    const ends = text.includes('\n') || text.includes('\r') || this.#rest.at(-1)?.endsWith('\r') === true
    if (!ends) {
      this.#keep(text)
      return
    }
    const all = this.#takeRest() + text
    // Looked for once: a stream without any would be searched to its end for every line.
    const hasCr = all.includes('\r')
    let from = 0
    for (let end = endOfLine(all, from, hasCr); end !== -1; end = endOfLine(all, from, hasCr)) {
      // A CR at the very end may be the first half of a CRLF.
      if (all.charCodeAt(end) === CR && end === all.length - 1) break
      this.#line(all, from, end)
      from = all.charCodeAt(end) === CR && all.charCodeAt(end + 1) === LF ? end + 2 : end + 1
    }
    this.#keep(all.slice(from))
  }

  /** The stream is over: an event that no blank line has ended is read as well, because some servers leave the last one out. */
  end(): void {
    const rest = this.#takeRest()
    if (rest !== '') this.#line(rest, 0, rest.length)
    this.#dispatch()
  }

  #keep(text: string): void {
    if (text === '') return
    this.#rest.push(text)
    this.#restLength += text.length
  }

  #takeRest(): string {
    const rest = this.#rest.length === 1 ? this.#rest[0]! : this.#rest.join('')
    this.#rest = []
    this.#restLength = 0
    return rest
  }

  #line(text: string, from: number, end: number): void {
    if (end === from) {
      this.#dispatch()
      return
    }
    const colon = text.indexOf(':', from)
    const nameEnd = colon === -1 || colon > end ? end : colon
    const field = text.slice(from, nameEnd)
    const valueFrom = text.charCodeAt(nameEnd + 1) === SPACE ? nameEnd + 2 : nameEnd + 1
    if (field === 'data') {
      const value = text.slice(valueFrom, Math.max(valueFrom, end))
      this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`
    } else if (field === 'event') this.#name = text.slice(valueFrom, Math.max(valueFrom, end))
  }

  #dispatch(): void {
    const [data, name] = [this.#data, this.#name]
    this.#data = undefined
    this.#name = ''
    if (data !== undefined && data.trim() !== '') this.#onEvent(data, name)
  }
}

const LF = 10
const CR = 13
const SPACE = 32

function endOfLine(text: string, from: number, hasCr: boolean): number {
  const lf = text.indexOf('\n', from)
  if (!hasCr) return lf
  const cr = text.indexOf('\r', from)
  return lf === -1 || (cr !== -1 && cr < lf) ? cr : lf
}
