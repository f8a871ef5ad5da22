import { Type } from '@sinclair/typebox'
import { checkpointsOf } from '../../db/checkpoints.ts'
import type { Db } from '../../db/client.ts'
import { type AnyTool, defineTool, type ToolContext, ToolError } from './define.ts'

const DEFAULT_NAMESPACE = 'notes'
/** Written by the gateway: checkpoints of conversations, as `session/checkpoints/<frontend>/<key>`. */
const SESSION = 'session/'
/** Namespaces of guests: `guests/<principal>/<namespace>`. */
const GUESTS = 'guests/'
export const MAX_VALUE_BYTES = 64 * 1024
const MAX_RESULTS = 50
/** Bytes of one page of results. The first result is always shown. */
const MAX_PAGE_BYTES = 256 * 1024

const TEXT = '^[^\\u0000-\\u001f\\u007f]+$'
const Namespace = Type.Optional(
  Type.String({
    minLength: 1,
    maxLength: 1000,
    pattern: TEXT,
    description: `Groups keys. Default: '${DEFAULT_NAMESPACE}'`
  })
)
const Key = Type.String({ minLength: 1, maxLength: 200, pattern: TEXT })

export interface MemoryOptions {
  /** Bytes of one namespace, of a guest of all its namespaces together. */
  readonly maxBytes: () => number
  readonly memory: Db['memory']
  readonly now?: () => number
}

/**
 * `memory.get`, `memory.put` and `memory.search`: texts that all conversations of the owner share. A guest has namespaces of its
 * own, under the same names.
 */
export function memoryTools({ memory, maxBytes, now = Date.now }: MemoryOptions): AnyTool[] {
  const get = defineTool({
    name: 'memory.get',
    description: 'Read a text from the long-term memory by its key.',
    input: Type.Object({ key: Key, namespace: Namespace }, { additionalProperties: false }),
    async run({ key, namespace = DEFAULT_NAMESPACE }, context) {
      const row = await memory.get(readable(namespace, context), key)
      if (!row) throw new ToolError(`nothing is stored under '${key}' in '${namespace}'`)
      return row.value
    }
  })

  const put = defineTool({
    name: 'memory.put',
    description:
      'Store a text in the long-term memory under a key, in place of an older one. All conversations can read it. At most 64 KiB.',
    input: Type.Object(
      { key: Key, value: Type.String({ maxLength: MAX_VALUE_BYTES }), namespace: Namespace },
      { additionalProperties: false }
    ),
    async run({ key, value, namespace = DEFAULT_NAMESPACE }, context) {
      const where = writable(namespace, context)
      const size = Buffer.byteLength(value)
      if (size > MAX_VALUE_BYTES) throw new ToolError(`the value is ${size} bytes long; at most ${MAX_VALUE_BYTES} are allowed`)
      const root = context.access === 'guest' ? `${GUESTS}${context.actor}` : where
      const [held, old] = await Promise.all([memory.bytes(root), memory.get(where, key)])
      const replaced = old ? Buffer.byteLength(old.key) + Buffer.byteLength(old.value) : 0
      if (held - replaced + Buffer.byteLength(key) + size > maxBytes()) {
        throw new ToolError(`the memory '${namespace}' is full: limits.memory_bytes allows ${maxBytes()} bytes`)
      }
      await memory.put({ namespace: where, key, value, updatedAt: now() })
      return `stored under '${key}' in '${namespace}'`
    }
  })

  const search = defineTool({
    name: 'memory.search',
    description: 'Find texts in the long-term memory that hold the words of the query in their key or value, newest first.',
    input: Type.Object(
      {
        query: Type.String({ minLength: 1, maxLength: 200 }),
        namespace: Namespace,
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_RESULTS, description: 'Default: 10' })),
        offset: Type.Optional(
          Type.Integer({ minimum: 0, maximum: 1_000_000, description: 'Results to skip, for the next page. Default: 0' })
        )
      },
      { additionalProperties: false }
    ),
    async run({ query, namespace = DEFAULT_NAMESPACE, limit = 10, offset = 0 }, context) {
      const rows = await memory.search(readable(namespace, context), query, limit + 1, offset)
      if (rows.length === 0) return offset === 0 ? 'nothing found' : 'nothing more found'
      const shown: string[] = []
      let bytes = 0
      for (const { key, value } of rows.slice(0, limit)) {
        bytes += Buffer.byteLength(value)
        if (shown.length > 0 && bytes > MAX_PAGE_BYTES) break
        shown.push(`${key}: ${value}`)
      }
      if (shown.length < rows.length) shown.push(`[more: continue with offset ${offset + shown.length}]`)
      return shown.join('\n\n')
    }
  })

  return [get, put, search]
}

/**
 * Stored name of a namespace, for reading.
 * @throws ToolError for one that belongs to another conversation
 */
function readable(namespace: string, { session, access, actor }: ToolContext): string {
  // The checkpoint of a conversation holds its contents: no other conversation may read it.
  if (namespace === checkpointsOf(session.id)) return namespace
  if (namespace.startsWith(SESSION)) throw new ToolError(`'${namespace}' belongs to another session`)
  return access === 'guest' ? `${GUESTS}${actor}/${namespace}` : namespace
}

/**
 * Stored name of a namespace, for writing.
 * @throws ToolError for one that tools do not write
 */
function writable(namespace: string, { access, actor }: ToolContext): string {
  const reserved = [SESSION, GUESTS].find((prefix) => namespace.startsWith(prefix))
  if (reserved !== undefined) throw new ToolError(`namespaces that start with '${reserved}' are not written by tools`)
  return access === 'guest' ? `${GUESTS}${actor}/${namespace}` : namespace
}
