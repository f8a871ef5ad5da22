import { parseJson } from '../../rpc/json.ts'

/** Most tools of one server. With `tools.max` a model sees fewer at once. */
const MAX_TOOLS = 512
/** Pages of one list; an honest server needs fewer. */
const MAX_PAGES = 32
const MAX_DESCRIPTION = 4096
const MAX_SCHEMA_BYTES = 64 * 1024

export interface ListedTool {
  /** Name that the server uses. */
  readonly name: string
  readonly description: string
  /** Plain JSON Schema of an object, of bounded depth, without reserved keys. */
  readonly inputSchema: Readonly<Record<string, unknown>>
  /** The server says that the tool may destroy something. */
  readonly destructive: boolean
}

export interface Listing {
  readonly tools: readonly ListedTool[]
  /** Names of the tools that are left out, as far as they have one. */
  readonly leftOut: readonly string[]
  /** The server has even more pages. */
  readonly more: boolean
}

/**
 * Reads all pages of a list of tools and keeps what can be offered to a model. Each entry is checked on its own: a broken one does
 * not cost the others.
 * @throws Error when an answer is no list
 */
export async function list(page: (cursor: string | undefined) => Promise<unknown>): Promise<Listing> {
  const tools: ListedTool[] = []
  const leftOut: string[] = []
  let cursor: string | undefined
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const { tools: offered, nextCursor } = record(await page(cursor))
    if (!Array.isArray(offered)) throw new Error('its list of tools is no list')
    for (const entry of offered) {
      const listed = tools.length < MAX_TOOLS ? take(record(entry)) : undefined
      if (listed) tools.push(listed)
      else if (leftOut.length < MAX_TOOLS) leftOut.push(String(record(entry).name ?? '(without a name)').slice(0, 64))
    }
    if (typeof nextCursor !== 'string' || nextCursor === cursor) return { tools, leftOut, more: false }
    cursor = nextCursor
  }
  return { tools, leftOut, more: true }
}

function take({ name, title, description, inputSchema, annotations }: Record<string, unknown>): ListedTool | undefined {
  if (typeof name !== 'string' || name === '') return undefined
  const schema = schemaOf(inputSchema)
  if (!schema) return undefined
  const text = [description, title].find((words) => typeof words === 'string' && words !== '') ?? name
  const { destructiveHint, readOnlyHint } = record(annotations)
  return {
    name,
    description: String(text).slice(0, MAX_DESCRIPTION),
    inputSchema: schema,
    destructive: destructiveHint === true && readOnlyHint !== true
  }
}

/** A tool without a schema takes no arguments; a schema without a type is that of an object. */
function schemaOf(given: unknown): Record<string, unknown> | undefined {
  try {
    const text = JSON.stringify(given ?? {})
    if (Buffer.byteLength(text) > MAX_SCHEMA_BYTES) return undefined
    const schema = parseJson(text)
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return undefined
    const { type = 'object', ...rest } = schema as Record<string, unknown>
    return type === 'object' ? { type, ...rest } : undefined
  } catch {
    return undefined
  }
}

/** The members of an object; none of anything else. */
function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
