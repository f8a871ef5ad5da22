/** Resources of a program of proofs, closed at its end in reverse order, as `t.after` does for a test. */
export class Resources {
  readonly #cleanups: Array<() => unknown> = []

  readonly after = (cleanup: () => unknown): void => {
    this.#cleanups.push(cleanup)
  }

  async end(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup()
  }
}
