/** A configuration that cannot be used. `problems` has one line for everything that is wrong with it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`the configuration is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.problems = problems
  }
}

/** Collects what is wrong, so that an operator learns of everything at once. */
export class Problems {
  readonly #lines: string[] = []
  readonly #paths: string[] = []

  /**
   * `place` is where it was written (`flynn.yaml:4:14`, `FLYNN_PORT:`), `path` what it is about (`server.port`;
   * the empty one is everything, undefined is nothing that could be named).
   */
  add(place: string, path: string | undefined, text: string): void {
    this.#lines.push([place, path, text].filter(Boolean).join(' '))
    if (path !== undefined) this.#paths.push(path)
  }

  /** Something at, above or below this path is wrong already; what follows from it would only be noise. */
  touch(path: string): boolean {
    return this.#paths.some((known) => within(known, path) || within(path, known))
  }

  throw(): void {
    if (this.#lines.length > 0) throw new ConfigError(this.#lines)
  }
}

function within(path: string, root: string): boolean {
  return root === '' || path === root || (path.startsWith(root) && '.['.includes(path.charAt(root.length)))
}

/**
 * `server`, `port` → `server.port`. Strange keys are quoted, long ones cut: they end up in a terminal. Where a space is missing after
 * the colon, the value is a part of the key: what comes after one is left out.
 */
export function join(path: string, key: string): string {
  const shown = /^[\w.@-]{1,64}$/.test(key) ? key : JSON.stringify(key.slice(0, 64).replace(/[:=].{4,}$/s, '…'))
  return path === '' ? shown : `${path}.${shown}`
}
