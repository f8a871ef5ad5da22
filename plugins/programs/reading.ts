/** Milliseconds for which a value that was read is returned to the next callers. */
const FRESH_MS = 1000

/**
 * Something that is read of the machine: at most once at a time, and kept for a moment. A hundred who ask in that moment
 * share one answer. What could not be read is not kept.
 */
export class Reading<T> {
  readonly #read: () => Promise<T>
  readonly #now: () => number
  #current: { readonly value: Promise<T>; readonly until: () => number } | undefined

  constructor(read: () => Promise<T>, now: () => number = () => performance.now()) {
    this.#read = read
    this.#now = now
  }

  /** As it was a moment ago. */
  get(): Promise<T> {
    if (this.#current && this.#now() < this.#current.until()) return this.#current.value
    return this.fresh()
  }

  /** Value as it is now, for a caller that has just changed something. */
  fresh(): Promise<T> {
    let until = Number.POSITIVE_INFINITY
    const current = { value: this.#read(), until: () => until }
    this.#current = current
    current.value.then(
      () => {
        until = this.#now() + FRESH_MS
      },
      () => {
        if (this.#current === current) this.#current = undefined
      }
    )
    return current.value
  }
}
