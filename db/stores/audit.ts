import type { Connection } from '../connection.ts'
import { and, desc, eq, lt, lte, or, sql } from '../drizzle.ts'

export type AuditRow = Connection['schema']['audit']['$inferSelect']
export type NewAuditEntry = Omit<AuditRow, 'id'>

export interface AuditQuery {
  readonly limit: number
  /** The id of the last entry of the page before this one. */
  readonly before?: number | undefined
  /** Only entries of this event. */
  readonly event?: string | undefined
  /** Only what this one did. */
  readonly actor?: string | undefined
  /** Bytes of details at the most, as stored. The first entry is there however large it is. */
  readonly bytes?: number | undefined
}

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

  return {
    async append(entry: NewAuditEntry): Promise<void> {
      await insert.execute({ ...entry })
    },

    /** Newest first; none only when there are none. */
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
          /** From the first of the page to this one. */
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

    /** Removes what is older than `before`. */
    async prune(before: number): Promise<void> {
      await query.delete(audit).where(lt(audit.at, before)).execute()
    }
  }
}
