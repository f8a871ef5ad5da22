import { createHash } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import type { Db } from '../../db/client.ts'
import type { SourcedTool } from './define.ts'

/** Tools of one source that are remembered. A source offers far fewer; more come only by confirmations. */
const MAX_KNOWN = 1500
/** In place of a digest: the name is remembered, its definition has to be confirmed. */
const NEVER = ''

interface KnownToolsOptions {
  readonly store: Pick<ReturnType<Db['plugin']>, 'get' | 'set'>
  readonly log: Pick<FastifyBaseLogger, 'warn'>
}

/**
 * Tools of sources that a person knows: those that a source had when it was first listed, and those confirmed since. Without this
 * a tool that needs a confirmation could escape it by changing its name. Survives a restart.
 */
export class KnownTools {
  readonly #options: KnownToolsOptions
  /** By source: digests of definitions by the names of their tools. */
  readonly #bySource = new Map<string, Promise<Map<string, string> | undefined>>()

  constructor(options: KnownToolsOptions) {
    this.#options = options
  }

  /** Takes a list of a source. The first one ever makes its tools known, except destructive ones. */
  async listed(source: string, tools: readonly SourcedTool[]): Promise<void> {
    if (tools.length === 0 || (await this.#of(source)) !== undefined) return
    const known = new Map(tools.map((tool) => [tool.name, tool.destructive ? NEVER : digestOf(tool)]))
    await this.#keep(source, known)
  }

  /** True for a tool that a person knows exactly as it is now. */
  async has(source: string, tool: SourcedTool): Promise<boolean> {
    return (await this.#of(source))?.get(tool.name) === digestOf(tool)
  }

  /** Names that the source has had. */
  async names(source: string): Promise<string[]> {
    return [...((await this.#of(source))?.keys() ?? [])]
  }

  /** A person has confirmed a call of the tool. */
  async confirmed(source: string, tool: SourcedTool): Promise<void> {
    const known = new Map(await this.#of(source))
    known.delete(tool.name)
    known.set(tool.name, digestOf(tool))
    await this.#keep(source, new Map([...known].slice(-MAX_KNOWN)))
  }

  #of(source: string): Promise<Map<string, string> | undefined> {
    const known = this.#bySource.get(source) ?? this.#read(source)
    this.#bySource.set(source, known)
    return known
  }

  async #read(source: string): Promise<Map<string, string> | undefined> {
    try {
      const stored = await this.#options.store.get(source)
      return stored && new Map(Object.entries(stored.value as Record<string, string>))
    } catch (err) {
      // Nothing is known then: every tool of the source needs a confirmation where one of them does.
      this.#options.log.warn({ source, err }, 'failed to read the known tools of a source')
      return new Map()
    }
  }

  async #keep(source: string, known: Map<string, string>): Promise<void> {
    this.#bySource.set(source, Promise.resolve(known))
    const { store, log } = this.#options
    try {
      await store.set(source, Object.fromEntries(known))
    } catch (err) {
      log.warn({ source, err }, 'failed to store the known tools of a source')
    }
  }
}

function digestOf({ description, inputSchema, destructive = false }: SourcedTool): string {
  return createHash('sha256')
    .update(JSON.stringify([description, inputSchema, destructive]))
    .digest('base64')
}
