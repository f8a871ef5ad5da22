/** Things of one key happen one after the other, in the order they were asked for; those of different keys side by side. */
export class KeyedMutex {
  /** The last one of each key; a key with nothing under way is not kept. */
  readonly #last = new Map<string, Promise<unknown>>()

  run<T>(key: string, what: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key)
    const done = before === undefined ? what() : before.then(what, what)
    this.#last.set(key, done)
    const over = (): void => {
      if (this.#last.get(key) === done) this.#last.delete(key)
    }
    done.then(over, over)
    return done
  }
}
