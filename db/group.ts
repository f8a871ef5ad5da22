import type { Database } from 'better-sqlite3'
import type { Stopwatch } from './stopwatch.ts'

interface Call {
  readonly run: () => unknown
  readonly resolve: (result: never) => void
  readonly reject: (error: unknown) => void
}

/**
 * Calls that are committed together: all that come in one turn of the event loop share a transaction, because a commit costs
 * far more than what most of them do. They take effect in the order in which they came, and before they are answered.
 */
export class Group {
  /** Runs what it is given in one transaction, whose lock it takes at once. */
  readonly #together: (calls: readonly Call[]) => unknown[]
  #calls: Call[] = []
  /** Set while there are calls. */
  #due: NodeJS.Immediate | undefined

  constructor(client: Database, stopwatch: Stopwatch) {
    const together = client.transaction((calls: readonly Call[]) => calls.map(({ run }) => run())).immediate
    this.#together = (calls) => stopwatch.time('transaction', () => together(calls))
  }

  add<T>(run: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    this.#due ??= setImmediate(() => this.flush())
    this.#calls.push({ run, resolve, reject })
    return promise
  }

  /** Commits what has come so far. */
  flush(): void {
    clearImmediate(this.#due)
    this.#due = undefined
    const calls = this.#calls
    this.#calls = []
    if (calls.length > 0) this.#commit(calls)
  }

  /** Where one of several fails, nobody knows yet whose fault it is: each is tried again by itself. */
  #commit(calls: readonly Call[]): void {
    try {
      const results = this.#together(calls)
      for (const [index, { resolve }] of calls.entries()) resolve(results[index] as never)
    } catch (error) {
      // Locked by another process: each further try would hold up the gateway as long as this one did.
      if (calls.length === 1 || isBusy(error)) for (const { reject } of calls) reject(error)
      else for (const call of calls) this.#commit([call])
    }
  }
}

function isBusy(error: unknown): boolean {
  return String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY')
}
