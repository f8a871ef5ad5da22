import { existsSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { DEFAULT_FILE, loadConfig, type Sources } from './parse/load.ts'
import type { Config } from './schema.ts'

/** Where a gateway that runs by itself has its configuration from, at the start and later. */
export class ConfigSource {
  /** The file that is read, if it is there. */
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
   * Gathers the configuration. A file that is gone is no empty one: a reload would then take back every token. From the second time
   * on whoever asked may not be at the machine, and is told the name of the file without its folder.
   * @throws ConfigError
   */
  async load(): Promise<Config> {
    const called = this.#loaded ? basename(this.#name) : this.#name
    // One that is named must be there.
    const file = this.#hadFile ? this.#name : this.#sources.file
    const config = await loadConfig({ ...this.#sources, file, called })
    this.#loaded = true
    this.#hadFile ||= existsSync(this.file)
    return config
  }
}
