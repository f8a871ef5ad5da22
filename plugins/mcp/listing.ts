import { parseJson } from '../../rpc/json.ts'

/** As much as a model can make use of; each one costs tokens in every call of it. */
const MAX_TOOLS = 128
/** Pages of an honest server hold more than eight tools. */
const MAX_PAGES = 16
const MAX_DESCRIPTION = 4096
const MAX_SCHEMA_BYTES = 64 * 1024

/** What a server says of one tool, as far as it matters here. */
export interface OfferedTool {
  readonly name: string
  readonly title?: string | undefined
  readonly description?: string | undefined
  readonly inputSchema: Readonly<Record<string, unknown>>
}

export interface ListedTool {
  /** As the server calls it. */
  readonly name: string
  readonly description: string
  /** Plain JSON Schema of an object, not nested too deep, without reserved keys. */
  readonly inputSchema: Readonly<Record<string, unknown>>
}

export interface Listing {
  readonly tools: readonly ListedTool[]
  /** How many were offered and are not there; at least, when the server had even more pages. */
  readonly leftOut: number
}

/** Follows the pages of a list, and takes of it what is fit to be offered to a model. */
export async function list<T extends OfferedTool>(
  page: (cursor: string | undefined) => Promise<{ readonly tools: readonly T[]; readonly nextCursor?: string | undefined }>
): Promise<Listing> {
  const tools: ListedTool[] = []
  let leftOut = 0
  let cursor: string | undefined
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const { tools: offered, nextCursor } = await page(cursor)
    for (const tool of offered) {
      const listed = tools.length < MAX_TOOLS ? take(tool) : undefined
      if (listed) tools.push(listed)
      else leftOut++
    }
    if (nextCursor === undefined || nextCursor === cursor) return { tools, leftOut }
    cursor = nextCursor
  }
  return { tools, leftOut: leftOut + 1 }
}

function take({ name, title, description, inputSchema }: OfferedTool): ListedTool | undefined {
  try {
    const text = JSON.stringify(inputSchema)
    if (Buffer.byteLength(text) > MAX_SCHEMA_BYTES) return undefined
    const schema = parseJson(text) as Record<string, unknown>
    if (schema.type !== 'object') return undefined
    return { name, description: (description || title || name).slice(0, MAX_DESCRIPTION), inputSchema: schema }
  } catch {
    return undefined
  }
}
