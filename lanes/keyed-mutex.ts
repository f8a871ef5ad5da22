/** Runs tasks of one key one after the other, in the order of the calls; tasks of different keys run side by side. */
export class KeyedMutex {
  /** The last task of each key. A key without a pending task has no entry. */
  readonly #last = new Map<string, Promise<unknown>>()

  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const previous = this.#last.get(key)
    const done = previous === undefined ? task() : previous.then(task, task)
    this.#last.set(key, done)
    const release = (): void => {
      if (this.#last.get(key) === done) this.#last.delete(key)
    }
    done.then(release, release)
    return done
  }
}
