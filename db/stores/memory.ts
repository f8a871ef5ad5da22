import type { Connection } from '../connection.ts'
import { and, asc, desc, eq, or, sql } from '../drizzle.ts'
import type { MemoryRow, MemoryStore } from '../types/memory.ts'

/** Limit on the words of a search. Further ones would not narrow it. */
const MAX_WORDS = 10

export function memoryStore({ query, schema: { memory } }: Connection): MemoryStore {
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

    async put(row: MemoryRow): Promise<void> {
      await query
        .insert(memory)
        .values(row)
        .onConflictDoUpdate({ target: [memory.namespace, memory.key], set: { value: row.value, updatedAt: row.updatedAt } })
        .execute()
    },

    async search(namespace: string, words: string, limit: number): Promise<MemoryRow[]> {
      // Not `like`: with many near misses in a long value its cost is the product of both lengths.
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
