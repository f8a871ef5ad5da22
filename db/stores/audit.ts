import type { Connection } from '../connection.ts'
import { desc, lt, sql } from '../drizzle.ts'

export type AuditRow = Connection['schema']['audit']['$inferSelect']
export type NewAuditEntry = Omit<AuditRow, 'id'>

export type AuditStore = ReturnType<typeof auditStore>

/** What was done by whom. Entries are added and, once old, removed; none is ever changed. */
export function auditStore({ query, schema: { audit } }: Connection) {
  const insert = query
    .insert(audit)
    .values({
      at: sql.placeholder('at'),
      event: sql.placeholder('event'),
      actor: sql.placeholder('actor'),
      detail: sql.placeholder('detail')
    })
    .prepare()
  const newest = query
    .select()
    .from(audit)
    .where(lt(audit.id, sql.placeholder('before')))
    .orderBy(desc(audit.id))
    .limit(sql.placeholder('limit'))
    .prepare()

  return {
    async append(entry: NewAuditEntry): Promise<void> {
      await insert.execute({ ...entry })
    },

    /** Newest first. `before` is the id of the last entry of the page before this one. */
    async list({ limit, before = Number.MAX_SAFE_INTEGER }: { limit: number; before?: number | undefined }): Promise<AuditRow[]> {
      return await newest.execute({ limit, before })
    },

    /** Removes what is older than `before`. */
    async prune(before: number): Promise<void> {
      await query.delete(audit).where(lt(audit.at, before)).execute()
    }
  }
}
