import type { Connection } from '../connection.ts'
import { and, desc, eq, inArray, lt, lte, or, sql } from '../drizzle.ts'
import type { AuditQuery, AuditRow, AuditStore, NewAuditEntry } from '../types/audit.ts'

/** Takes a few milliseconds. */
const PURGED_AT_ONCE = 1000

export function auditStore({ query, schema: { audit } }: Connection): AuditStore {
  const insert = query
    .insert(audit)
    .values({
      at: sql.placeholder('at'),
      event: sql.placeholder('event'),
      actor: sql.placeholder('actor'),
      detail: sql.placeholder('detail')
    })
    .prepare()

  return {
    async append(entry: NewAuditEntry): Promise<void> {
      await insert.execute({ ...entry })
    },

    async list({ limit, before, event, actor, bytes = Number.MAX_SAFE_INTEGER }: AuditQuery): Promise<AuditRow[]> {
      const page = query
        .select({ id: audit.id })
        .from(audit)
        .where(
          and(
            before === undefined ? undefined : lt(audit.id, before),
            event === undefined ? undefined : eq(audit.event, event),
            actor === undefined ? undefined : eq(audit.actor, actor)
          )
        )
        .orderBy(desc(audit.id))
        .limit(limit)
        .as('page')
      const measured = query
        .select({
          id: page.id,
          place: sql<number>`row_number() over (order by ${page.id} desc)`.as('place'),
          /** Sum from the first entry of the page to this one. */
          bytes: sql<number>`sum(octet_length(${audit.detail})) over (order by ${page.id} desc)`.as('bytes')
        })
        .from(page)
        .innerJoin(audit, eq(audit.id, page.id))
        .as('measured')
      const fitting = query
        .select({ id: measured.id })
        .from(measured)
        .where(or(eq(measured.place, 1), lte(measured.bytes, bytes)))
      return await query.select().from(audit).where(sql`${audit.id} in (${fitting})`).orderBy(desc(audit.id)).execute()
    },

    async purge(before: number): Promise<number> {
      const some = query.select({ id: audit.id }).from(audit).where(lt(audit.at, before)).limit(PURGED_AT_ONCE)
      const rows = await query.delete(audit).where(inArray(audit.id, some)).returning({ id: audit.id }).execute()
      return rows.length
    }
  }
}
