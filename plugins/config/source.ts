import { stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { DEFAULT_FILE, loadConfig, type Sources } from './load.ts'
import { ConfigError } from './problems.ts'
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
    const hasFile = await stat(this.file).then(
      () => true,
      () => false
    )
    if (this.#hadFile && !hasFile) throw new ConfigError([`${called}: is gone`])
    const config = await loadConfig({ ...this.#sources, called })
    this.#loaded = true
    this.#hadFile ||= hasFile
    return config
  }
}
