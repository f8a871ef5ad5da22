/** Equal lines of one minute that are written; a flood of them must not fill the disk. */
const MAX_EQUAL = 50
const WINDOW_MS = 60_000
/** Different lines that are counted at once. */
const MAX_KINDS = 256

interface Kind {
  since: number
  count: number
}

/** Limits equal warnings and errors of a log. The first line of a new minute says how many were left out before. */
export class RepeatedLines {
  readonly #kinds = new Map<string, Kind>()
  readonly #now: () => number

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** Number of equal lines that were left out before this one, 0 for most; undefined when this one is left out too. */
  take(text: string): number | undefined {
    const now = this.#now()
    const known = this.#kinds.get(text)
    if (known && now - known.since < WINDOW_MS) return ++known.count > MAX_EQUAL ? undefined : 0
    this.#kinds.delete(text)
    this.#kinds.set(text, { since: now, count: 1 })
    if (this.#kinds.size > MAX_KINDS) this.#kinds.delete(this.#kinds.keys().next().value!)
    return known ? Math.max(0, known.count - MAX_EQUAL) : 0
  }
}
