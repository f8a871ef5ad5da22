import type { Connection } from '../connection.ts'
import { and, asc, desc, eq, gte, lt, or, sql } from '../drizzle.ts'
import type { MemoryRow, MemoryStore } from '../types/memory.ts'

/** Limit on the words of a search. Further ones would not narrow it. */
const MAX_WORDS = 10

export function memoryStore({ query, schema: { memory }, contains }: Connection): MemoryStore {
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

    async search(namespace: string, words: string, limit: number, offset = 0): Promise<MemoryRow[]> {
      // Not `like`: with many near misses in a long value its cost is the product of both lengths.
      const each = words.split(/\s+/, MAX_WORDS).map((word) => or(contains(memory.key, word), contains(memory.value, word)))
      return await query
        .select()
        .from(memory)
        .where(and(eq(memory.namespace, namespace), ...each))
        .orderBy(desc(memory.updatedAt), asc(memory.key))
        .limit(limit)
        .offset(offset)
        .execute()
    },

    async bytes(namespace: string): Promise<number> {
      // `0` is the character after `/`: a range of the primary key.
      const below = and(gte(memory.namespace, `${namespace}/`), lt(memory.namespace, `${namespace}0`))
      const [row] = await query
        .select({ bytes: sql<number>`coalesce(sum(octet_length(${memory.key}) + octet_length(${memory.value})), 0)` })
        .from(memory)
        .where(or(eq(memory.namespace, namespace), below))
        .execute()
      return Number(row?.bytes ?? 0)
    }
  }
}
