/** A configuration that cannot be used. `problems` has one line for each error. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`the configuration is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.problems = problems
  }
}

/** Collects problems, so that an operator sees all of them at once. */
export class Problems {
  readonly #lines: string[] = []
  readonly #paths: string[] = []

  /**
   * `place` is its position (`flynn.yaml:4:14`, `FLYNN_PORT:`), `path` its key (`server.port`; empty for the whole configuration,
   * undefined when there is no key).
   */
  add(place: string, path: string | undefined, text: string): void {
    this.#lines.push([place, path, text].filter(Boolean).join(' '))
    if (path !== undefined) this.#paths.push(path)
  }

  /** True if something at, above or below this path is wrong already: further problems would be noise. */
  touch(path: string): boolean {
    return this.#paths.some((known) => within(known, path) || within(path, known))
  }

  get lines(): readonly string[] {
    return this.#lines
  }

  throw(): void {
    if (this.#lines.length > 0) throw new ConfigError(this.#lines)
  }
}

function within(path: string, root: string): boolean {
  return root === '' || path === root || (path.startsWith(root) && '.['.includes(path.charAt(root.length)))
}

/**
 * `server`, `port` → `server.port`. Strange keys are quoted and long ones cut, since they end up in a terminal. When the space after a
 * colon is missing, the value is a part of the key: everything after a colon is left out.
 */
export function join(path: string, key: string): string {
  const shown = /^[\w.@-]{1,64}$/.test(key) ? key : JSON.stringify(key.slice(0, 64).replace(/[:=].{4,}$/s, '…'))
  return path === '' ? shown : `${path}.${shown}`
}
