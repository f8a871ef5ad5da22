import type { FastifyBaseLogger } from 'fastify'
import { compile, type Validation } from '../../rpc/validate.ts'
import { printable } from '../../security/sanitize.ts'
import { NamedRegistry } from '../define.ts'
import type { ToolSpec } from '../providers/define.ts'
import type { AnyTool, SourcedTool, SourceStatus, ToolSource } from './define.ts'
import { mayNameBelow, namesTool } from './patterns.ts'

/** Names that every provider takes once their dots have become `_`. MCP servers use more characters than the gateway's own tools. */
const NAME = /^[a-z][a-z0-9_-]*(\.[A-Za-z][A-Za-z0-9_-]*)+$/
const SOURCE = /^[a-z][a-z0-9_-]*$/
const MAX_NAME = 64
/** Tools of sources that are logged as left out. A source may invent names for ever. */
const MAX_LEFT_OUT = 1000

/** A tool with its description and the check of its arguments. */
export interface Entry {
  readonly name: string
  readonly tool: AnyTool | SourcedTool
  readonly spec: ToolSpec
  /** Name of its source. Absent: a tool of the gateway or of a plugin. */
  readonly source?: string
  /** `tools.execute` waits for its turn in the session's lane. */
  readonly inLane: boolean
  /** A copy of the arguments as the tool takes them, or their problems, with paths below `args`. */
  check(args: unknown): Validation<Record<string, unknown>>
}

interface CatalogOptions {
  readonly log: Pick<FastifyBaseLogger, 'warn'>
  /** Receives each list of a source before it is used. */
  onListed(source: string, tools: readonly SourcedTool[]): Promise<void>
}

/** All tools by name. Those of the gateway are fixed at the start; those of sources come and go. */
export class Catalog {
  readonly #own = new NamedRegistry<Entry>('tool')
  readonly #sources = new NamedRegistry<ToolSource>('source of tools')
  readonly #options: CatalogOptions
  readonly #leftOut = new Set<string>()

  constructor(options: CatalogOptions) {
    this.#options = options
  }

  /** @throws Error, which stops the start, for a taken or malformed name, or an input that is not the schema of an object */
  add(tool: AnyTool): void {
    const { name, input } = tool
    if (!isName(name)) throw new Error(`tool '${name}': a name looks like 'group.verb' and has at most ${MAX_NAME} characters`)
    if (input?.type !== 'object') throw new Error(`tool '${name}': input must be a schema of an object`)
    if (this.#sources.get(groupOf(name))) throw new Error(`tool '${name}': a source of tools has the name '${groupOf(name)}'`)
    this.#own.add(entryOf(tool))
  }

  /** @throws Error, which stops the start, for a malformed name, or one of another source or of the gateway's own tools */
  addSource(source: ToolSource): void {
    const { name } = source
    if (!SOURCE.test(name)) {
      throw new Error(`source of tools '${name}': a name is small letters, digits, _ and -, a letter first`)
    }
    if (this.#own.list().some((entry) => groupOf(entry.name) === name)) {
      throw new Error(`source of tools '${name}': tools of the gateway have names that begin with '${name}.'`)
    }
    this.#sources.add(source)
  }

  /** True for a pattern that names a tool, or may name a later tool of a source. */
  mayName(pattern: string): boolean {
    return (
      this.#own.list().some(({ name }) => namesTool([pattern], name)) ||
      this.#sources.list().some(({ name }) => mayNameBelow(pattern, `${name}.`))
    )
  }

  /** Asks only the source that the name begins with. */
  async get(name: string): Promise<Entry | undefined> {
    const own = this.#own.get(name)
    if (own) return own
    const source = this.#sources.get(groupOf(name))
    return source && (await this.#of(source)).find((entry) => entry.name === name)
  }

  /** The gateway's own first. All sources are asked at once. */
  async list(): Promise<Entry[]> {
    const sourced = await Promise.all(this.#sources.list().map((source) => this.#of(source)))
    return [...this.#own.list(), ...sourced.flat()]
  }

  /** Conditions of the sources that report one. */
  status(): SourceStatus[] {
    return this.#sources.list().flatMap((source) => source.status?.() ?? [])
  }

  async #of(source: ToolSource): Promise<Entry[]> {
    const entries = new Map<string, Entry>()
    const tools = await source.tools().catch((err: unknown) => {
      this.#options.log.warn({ source: source.name, err }, 'failed to list the tools of a source')
      return []
    })
    for (const tool of tools) {
      const { name } = tool
      if (!passes(source, name)) continue
      // No source can take the name of a tool that is not its own.
      if (!isName(name) || groupOf(name) !== source.name || entries.has(name)) this.#leaveOut(source.name, name)
      else entries.set(name, sourced(tool, source.name))
    }
    await this.#options.onListed(source.name, tools)
    return [...entries.values()]
  }

  #leaveOut(source: string, name: string): void {
    const known = `${source} ${name}`
    if (this.#leftOut.has(known) || this.#leftOut.size >= MAX_LEFT_OUT) return
    this.#leftOut.add(known)
    const why = `a name looks like '${source}.verb', has at most ${MAX_NAME} characters and occurs once`
    this.#options.log.warn({ source, tool: printable(name, 2 * MAX_NAME), why }, 'a tool of a source is left out')
  }
}

/** The entry of a tool that is described by a TypeBox schema. */
export function entryOf(tool: AnyTool): Entry {
  const { name, description, input } = tool
  const validate = compile<Record<string, unknown>>(input, 'args')
  // Through JSON: plain JSON Schema is left, without TypeBox's own marks.
  const inputSchema = JSON.parse(JSON.stringify(input))
  return {
    name,
    tool,
    get spec() {
      return { name, description: typeof description === 'string' ? description : description(), inputSchema }
    },
    inLane: tool.inLane === true,
    check: (args) => validate(structuredClone(args))
  }
}

function sourced(tool: SourcedTool, source: string): Entry {
  const { name, description, inputSchema } = tool
  return {
    name,
    tool,
    spec: { name, description, inputSchema: { ...inputSchema } },
    source,
    inLane: false,
    check(args) {
      const copy: unknown = structuredClone(args)
      const issues = tool.issues(copy)
      return issues.length > 0 ? { issues } : { value: copy as Record<string, unknown> }
    }
  }
}

function passes({ name: source, filter }: ToolSource, name: string): boolean {
  if (!filter) return true
  const own = (text: string): string => (text.startsWith(`${source}.`) ? text.slice(source.length + 1) : text)
  const listed = (patterns: readonly string[]): boolean => namesTool(patterns.map(own), own(name))
  return listed(filter.allow) && !listed(filter.deny)
}

function isName(name: string): boolean {
  return NAME.test(name) && name.length <= MAX_NAME
}

function groupOf(name: string): string {
  return name.slice(0, name.indexOf('.'))
}
