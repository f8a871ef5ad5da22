import type { Database, Statement } from 'better-sqlite3'
import type { Timed, TimeListener } from './types/index.ts'

/** Durations of statements and transactions. Measures nothing without a listener. */
export class Stopwatch {
  #listener: TimeListener | undefined

  listen(listener: TimeListener): void {
    this.#listener = listener
  }

  time<T>(what: Timed, run: () => T): T {
    const listener = this.#listener
    if (listener === undefined) return run()
    const start = performance.now()
    try {
      return run()
    } finally {
      listener(what, (performance.now() - start) / 1000)
    }
  }

  async timeAsync<T>(what: Timed, run: () => Promise<T>): Promise<T> {
    const listener = this.#listener
    if (listener === undefined) return await run()
    const start = performance.now()
    try {
      return await run()
    } finally {
      listener(what, (performance.now() - start) / 1000)
    }
  }

  /** Times each statement that `client` prepares from now on. The driver has no hook for it, and its transactions prepare their own. */
  attach(client: Database): void {
    const prepare = client.prepare.bind(client)
    client.prepare = ((source: string) => this.#timed(prepare(source))) as typeof client.prepare
  }

  #timed(statement: Statement): Statement {
    for (const name of ['run', 'get', 'all'] as const) {
      const run = statement[name] as (...params: unknown[]) => unknown
      const timed = (...params: unknown[]) => this.time('statement', () => run.apply(statement, params))
      Object.defineProperty(statement, name, { value: timed })
    }
    return statement
  }
}
