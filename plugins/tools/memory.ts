import { Type } from '@sinclair/typebox'
import { checkpointsOf } from '../../db/checkpoints.ts'
import type { Db } from '../../db/client.ts'
import { type AnyTool, defineTool, type ToolContext, ToolError } from './define.ts'

const DEFAULT_NAMESPACE = 'notes'
/** Namespaces the gateway itself writes: `session/checkpoints/<frontend>/<key>`. */
const RESERVED = 'session/'
export const MAX_VALUE_BYTES = 64 * 1024
const MAX_RESULTS = 50

const TEXT = '^[^\\u0000-\\u001f\\u007f]+$'
const Namespace = Type.Optional(
  Type.String({
    minLength: 1,
    maxLength: 1000,
    pattern: TEXT,
    description: `A drawer for keys; '${DEFAULT_NAMESPACE}' when not given`
  })
)
const Key = Type.String({ minLength: 1, maxLength: 200, pattern: TEXT })

export interface MemoryOptions {
  readonly memory: Db['memory']
  readonly now?: () => number
}

/** `memory.get`, `memory.put` and `memory.search`: texts that all conversations share. */
export function memoryTools({ memory, now = Date.now }: MemoryOptions): AnyTool[] {
  const get = defineTool({
    name: 'memory.get',
    description: 'Read a text from the long-term memory by its key.',
    input: Type.Object({ key: Key, namespace: Namespace }, { additionalProperties: false }),
    async run({ key, namespace = DEFAULT_NAMESPACE }, { session }) {
      assertReadable(namespace, session)
      const row = await memory.get(namespace, key)
      if (!row) throw new ToolError(`nothing is stored under '${key}' in '${namespace}'`)
      return row.value
    }
  })

  const put = defineTool({
    name: 'memory.put',
    description:
      'Keep a text in the long-term memory under a key, over what was there. All conversations can read it. At most 64 KiB.',
    input: Type.Object(
      { key: Key, value: Type.String({ maxLength: MAX_VALUE_BYTES }), namespace: Namespace },
      { additionalProperties: false }
    ),
    async run({ key, value, namespace = DEFAULT_NAMESPACE }) {
      if (namespace.startsWith(RESERVED))
        throw new ToolError(`namespaces that start with '${RESERVED}' are written by the gateway only`)
      const size = Buffer.byteLength(value)
      if (size > MAX_VALUE_BYTES) throw new ToolError(`the value is ${size} bytes long; at most ${MAX_VALUE_BYTES} are allowed`)
      await memory.put({ namespace, key, value, updatedAt: now() })
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
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_RESULTS, description: '10 when not given' }))
      },
      { additionalProperties: false }
    ),
    async run({ query, namespace = DEFAULT_NAMESPACE, limit = 10 }, { session }) {
      assertReadable(namespace, session)
      const rows = await memory.search(namespace, query, limit)
      return rows.length > 0 ? rows.map(({ key, value }) => `${key}: ${value}`).join('\n\n') : 'nothing found'
    }
  })

  return [get, put, search]
}

/** The checkpoint of a conversation holds what was said in it: no other conversation may read it. */
function assertReadable(namespace: string, session: ToolContext['session']): void {
  if (!namespace.startsWith(RESERVED) || namespace === checkpointsOf(session.id)) return
  throw new ToolError(`'${namespace}' belongs to another session`)
}
