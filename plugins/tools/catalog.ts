import type { FastifyBaseLogger } from 'fastify'
import { compile, type Validation } from '../../rpc/validate.ts'
import { printable } from '../../security/sanitize.ts'
import { NamedRegistry } from '../define.ts'
import type { ToolSpec } from '../providers/define.ts'
import type { AnyTool, SourcedTool, ToolSource } from './define.ts'

/** What every provider takes, its dots becoming `_`; MCP servers use more than our own names do. */
const NAME = /^[a-z][a-z0-9_-]*(\.[A-Za-z][A-Za-z0-9_-]*)+$/
const SOURCE = /^[a-z][a-z0-9_-]*$/
const MAX_NAME = 64
/** Tools of sources that were left out and are not told of again. A source may think of new names for ever. */
const MAX_LEFT_OUT = 1000

/** A tool, whoever described it. */
export interface Entry {
  readonly name: string
  readonly tool: AnyTool | SourcedTool
  readonly spec: ToolSpec
  /** `tools.execute` waits for its turn in the session's lane. */
  readonly inLane: boolean
  /** A copy of the arguments as the tool takes them, or what is wrong with them; paths below `args`. */
  check(args: unknown): Validation<Record<string, unknown>>
}

/** Which tools there are: the gateway's own, which are as they were at the start, and those of sources, which come and go. */
export class Catalog {
  readonly #own = new NamedRegistry<Entry>('tool')
  readonly #sources = new NamedRegistry<ToolSource>('source of tools')
  readonly #log: Pick<FastifyBaseLogger, 'warn'>
  readonly #leftOut = new Set<string>()

  constructor({ log }: { readonly log: Pick<FastifyBaseLogger, 'warn'> }) {
    this.#log = log
  }

  /** A name that is taken or malformed, or a schema that is not that of an object, stops the start. */
  add(tool: AnyTool): void {
    const { name, description, input } = tool
    if (!isName(name)) throw new Error(`tool '${name}': a name looks like 'group.verb' and has at most ${MAX_NAME} characters`)
    if (input?.type !== 'object') throw new Error(`tool '${name}': input must be a schema of an object`)
    if (this.#sources.get(groupOf(name))) throw new Error(`tool '${name}': a source of tools has the name '${groupOf(name)}'`)
    const validate = compile<Record<string, unknown>>(input, 'args')
    this.#own.add({
      name,
      tool,
      // Through JSON: what is left is plain JSON Schema, without TypeBox's own marks.
      spec: { name, description, inputSchema: JSON.parse(JSON.stringify(input)) },
      inLane: tool.inLane === true,
      check: (args) => validate(structuredClone(args))
    })
  }

  /** A name that is taken, by a source or as the group of the gateway's own tools, or malformed, stops the start. */
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

  /** Whether there is, or may be some time, a tool of that name. */
  mayHave(name: string): boolean {
    return this.#own.get(name) !== undefined || this.#sources.get(groupOf(name)) !== undefined
  }

  /** Only the source that the name names is asked. */
  async get(name: string): Promise<Entry | undefined> {
    const own = this.#own.get(name)
    if (own) return own
    const source = this.#sources.get(groupOf(name))
    return source && (await this.#of(source)).find((entry) => entry.name === name)
  }

  /** The gateway's own first; all sources are asked at once. */
  async list(): Promise<Entry[]> {
    const sourced = await Promise.all(this.#sources.list().map((source) => this.#of(source)))
    return [...this.#own.list(), ...sourced.flat()]
  }

  async #of(source: ToolSource): Promise<Entry[]> {
    const entries = new Map<string, Entry>()
    const tools = await source.tools().catch((err: unknown) => {
      this.#log.warn({ source: source.name, err }, 'a source of tools failed')
      return []
    })
    for (const tool of tools) {
      const { name } = tool
      // No source can take the name of a tool that is not its own.
      if (!isName(name) || groupOf(name) !== source.name || entries.has(name)) this.#leaveOut(source.name, name)
      else entries.set(name, sourced(tool))
    }
    return [...entries.values()]
  }

  #leaveOut(source: string, name: string): void {
    const known = `${source} ${name}`
    if (this.#leftOut.has(known) || this.#leftOut.size >= MAX_LEFT_OUT) return
    this.#leftOut.add(known)
    const why = `a name looks like '${source}.verb', has at most ${MAX_NAME} characters and is there only once`
    this.#log.warn({ source, tool: printable(name, 2 * MAX_NAME), why }, 'a tool of a source is left out')
  }
}

function sourced(tool: SourcedTool): Entry {
  const { name, description, inputSchema } = tool
  return {
    name,
    tool,
    spec: { name, description, inputSchema: { ...inputSchema } },
    inLane: false,
    check(args) {
      const copy: unknown = structuredClone(args)
      const issues = tool.issues(copy)
      return issues.length > 0 ? { issues } : { value: copy as Record<string, unknown> }
    }
  }
}

function isName(name: string): boolean {
  return NAME.test(name) && name.length <= MAX_NAME
}

function groupOf(name: string): string {
  return name.slice(0, name.indexOf('.'))
}
