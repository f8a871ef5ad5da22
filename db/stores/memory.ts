import type { Connection } from '../connection.ts'
import { and, asc, desc, eq, or, sql } from '../drizzle.ts'

export type MemoryRow = Connection['schema']['memory']['$inferSelect']

/** More words than that narrow no search. */
const MAX_WORDS = 10

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

    /**
     * Entries that have each of the first ten words of `words` in their key or value, newest first; a to z match in upper
     * and lower case.
     */
    async search(namespace: string, words: string, limit: number): Promise<MemoryRow[]> {
      // Not `like`: what it does with many near misses in a long value grows with the product of both lengths.
      const has = (column: typeof memory.key | typeof memory.value, word: string) =>
        sql`instr(lower(${column}), lower(${word})) > 0`
      const each = words.split(/\s+/, MAX_WORDS).map((word) => or(has(memory.key, word), has(memory.value, word)))
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
