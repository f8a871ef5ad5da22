import type { Clock } from './clock.ts'
import type { ErrorReporter } from './listeners.ts'
import type { Store } from './store.ts'

/** Least time between two writes of one key. */
const WRITE_EVERY_MS = 100

interface Entry {
  /** Text to write; undefined deletes the key. Computed when it is written. */
  value: () => string | undefined
  timer: unknown
}

/** Writes to a store behind the work: the newest value of each key, each key after the other, failures reported. */
export class Saver {
  readonly #store: Store
  readonly #clock: Clock
  readonly #report: ErrorReporter
  readonly #dirty = new Map<string, Entry>()
  readonly #writing = new Map<string, Promise<void>>()

  constructor(store: Store, clock: Clock, report: ErrorReporter) {
    this.#store = store
    this.#clock = clock
    this.#report = report
  }

  /** Writes soon. `value` answers the text at that time; undefined deletes the key. */
  save(key: string, value: () => string | undefined): void {
    const entry = this.#dirty.get(key)
    if (entry) entry.value = value
    else this.#dirty.set(key, { value, timer: this.#clock.setTimeout(() => this.#write(key), WRITE_EVERY_MS) })
  }

  /** Writes now. */
  saveNow(key: string, value: () => string | undefined): void {
    this.save(key, value)
    this.#write(key)
  }

  /** Writes whatever waits; resolves when the store has it. */
  async flush(): Promise<void> {
    for (const key of [...this.#dirty.keys()]) this.#write(key)
    await Promise.all(this.#writing.values())
  }

  #write(key: string): void {
    const entry = this.#dirty.get(key)
    if (!entry) return
    this.#dirty.delete(key)
    this.#clock.clearTimeout(entry.timer)
    const value = entry.value()
    const before = this.#writing.get(key)
    // At once where nothing of this key is being written: a page that closes has no second turn of its event loop.
    const writing = (before ? before.then(() => this.#put(key, value)) : this.#put(key, value)).catch(this.#report)
    this.#writing.set(key, writing)
    void writing.then(() => {
      if (this.#writing.get(key) === writing) this.#writing.delete(key)
    })
  }

  async #put(key: string, value: string | undefined): Promise<void> {
    if (value === undefined) await this.#store.delete(key)
    else await this.#store.set(key, value)
  }
}
