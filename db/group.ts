import type { Database } from 'better-sqlite3'
import type { Stopwatch } from './stopwatch.ts'
import type { Storage } from './storage.ts'

interface Call {
  readonly run: () => unknown
  readonly resolve: (result: never) => void
  readonly reject: (error: unknown) => void
}

/**
 * Group commit: all calls of one turn of the event loop share a transaction, because a commit costs far more than most of its
 * statements. Calls take effect in their order, and are answered after the commit.
 */
export class Group {
  /** Runs calls in one transaction, which takes the write lock at once. */
  readonly #together: (calls: readonly Call[]) => unknown[]
  #calls: Call[] = []
  /** Set while calls wait. */
  #due: NodeJS.Immediate | undefined

  constructor(client: Database, stopwatch: Stopwatch, storage: Storage) {
    const together = client.transaction((calls: readonly Call[]) => calls.map(({ run }) => run())).immediate
    this.#together = (calls) => stopwatch.time('transaction', () => storage.watch(() => together(calls)))
  }

  add<T>(run: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    this.#due ??= setImmediate(() => this.flush())
    this.#calls.push({ run, resolve, reject })
    return promise
  }

  /** Commits the waiting calls. */
  flush(): void {
    clearImmediate(this.#due)
    this.#due = undefined
    const calls = this.#calls
    this.#calls = []
    if (calls.length > 0) this.#commit(calls)
  }

  /** If one of several calls fails, each is tried again by itself, so that only the faulty one is rejected. */
  #commit(calls: readonly Call[]): void {
    try {
      const results = this.#together(calls)
      for (const [index, { resolve }] of calls.entries()) resolve(results[index] as never)
    } catch (error) {
      // Locked by another process: each further attempt would hold the gateway equally long.
      if (calls.length === 1 || isBusy(error)) for (const { reject } of calls) reject(error)
      else for (const call of calls) this.#commit([call])
    }
  }
}

function isBusy(error: unknown): boolean {
  return String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY')
}
