import type { Connection } from '../connection.ts'
import { and, asc, desc, eq, or, sql } from '../drizzle.ts'

export type MemoryRow = Connection['schema']['memory']['$inferSelect']

export type MemoryStore = ReturnType<typeof memoryStore>

/** What the agent keeps beyond a conversation: texts by key, in namespaces. */
export function memoryStore({ query, schema: { memory } }: Connection) {
  const find = query
    .select()
    .from(memory)
    .where(and(eq(memory.namespace, sql.placeholder('namespace')), eq(memory.key, sql.placeholder('key'))))
    .prepare()

  return {
    async get(namespace: string, key: string): Promise<MemoryRow | undefined> {
      const [row] = await find.execute({ namespace, key })
      return row
    },

    /** Writes a text, over an older one of the same key. */
    async put(row: MemoryRow): Promise<void> {
      await query
        .insert(memory)
        .values(row)
        .onConflictDoUpdate({ target: [memory.namespace, memory.key], set: { value: row.value, updatedAt: row.updatedAt } })
        .execute()
    },

    /** Entries that have each word of `words` in their key or value, newest first; a to z match in upper and lower case. */
    async search(namespace: string, words: string, limit: number): Promise<MemoryRow[]> {
      const has = (column: typeof memory.key | typeof memory.value, word: string) =>
        sql`lower(${column}) like lower(${`%${word.replace(/[\\%_]/g, '\\$&')}%`}) escape '\\'`
      const each = words.split(/\s+/).map((word) => or(has(memory.key, word), has(memory.value, word)))
      return await query
        .select()
        .from(memory)
        .where(and(eq(memory.namespace, namespace), ...each))
        .orderBy(desc(memory.updatedAt), asc(memory.key))
        .limit(limit)
        .execute()
    }
  }
}
