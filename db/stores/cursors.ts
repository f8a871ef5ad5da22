import type { Connection } from '../connection.ts'
import { eq, sql } from '../drizzle.ts'
import type { CursorStore } from '../types/cursors.ts'

export function cursorStore({ query, schema: { cursors } }: Connection): CursorStore {
  const find = query
    .select()
    .from(cursors)
    .where(eq(cursors.name, sql.placeholder('name')))
    .prepare()
  const write = query
    .insert(cursors)
    .values({ name: sql.placeholder('name'), value: sql.placeholder('value') })
    .onConflictDoUpdate({ target: cursors.name, set: { value: sql`excluded.value` } })
    .prepare()

  return {
    async get(name: string): Promise<string | undefined> {
      const [row] = await find.execute({ name })
      return row?.value
    },

    async put(name: string, value: string): Promise<void> {
      await write.execute({ name, value })
    }
  }
}
