import { existsSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { DEFAULT_FILE, loadConfig, type Sources } from './parse/load.ts'
import type { Config } from './schema.ts'

/** Sources of the configuration of a gateway that runs by itself, at the start and for reloads. */
export class ConfigSource {
  /** File that is read if it exists. */
  readonly file: string
  readonly #sources: Sources
  readonly #name: string
  #hadFile = false
  #loaded = false

  constructor(sources: Sources) {
    this.#sources = sources
    this.#name = sources.file ?? (sources.env.FLYNN_CONFIG || DEFAULT_FILE)
    this.file = resolve(sources.cwd ?? process.cwd(), this.#name)
  }

  /**
   * Reads the configuration. A removed file is an error and not an empty file: a reload would remove every token. Problems of a
   * reload name the file without its folder, since the caller may not be at the machine.
   * @throws ConfigError
   */
  async load(): Promise<Config> {
    const called = this.#loaded ? basename(this.#name) : this.#name
    // A file that is named must exist.
    const file = this.#hadFile ? this.#name : this.#sources.file
    const config = await loadConfig({ ...this.#sources, file, called })
    this.#loaded = true
    this.#hadFile ||= existsSync(this.file)
    return config
  }
}
