/** Reports an error that belongs to no request: of a listener, or of a store. */
export type ErrorReporter = (error: unknown) => void

interface Runtime {
  reportError?: (error: unknown) => void
  process?: { emitWarning?: (warning: Error | string) => void }
}

/** Shows the error where the platform shows uncaught ones, without ending the program. */
export const reportError: ErrorReporter = (error) => {
  const runtime = globalThis as Runtime
  if (runtime.process?.emitWarning) runtime.process.emitWarning(error instanceof Error ? error : String(error))
  else runtime.reportError?.(error)
}

/** Functions that hear of something, in the order in which they were added. One that throws is reported and harms no other. */
export class Listeners<A extends readonly unknown[]> {
  readonly #report: ErrorReporter
  #all: readonly ((...args: A) => void)[] = []

  constructor(report: ErrorReporter) {
    this.#report = report
  }

  get size(): number {
    return this.#all.length
  }

  /** Returns the function that removes it again. */
  add(listener: (...args: A) => void): () => void {
    // A function of its own: the same listener may be added twice.
    const entry = (...args: A): void => listener(...args)
    this.#all = [...this.#all, entry]
    return () => {
      this.#all = this.#all.filter((one) => one !== entry)
    }
  }

  call(...args: A): void {
    for (const listener of this.#all) {
      try {
        listener(...args)
      } catch (error) {
        this.#report(error)
      }
    }
  }
}
