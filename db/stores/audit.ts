import type { Connection } from '../connection.ts'
import { and, count, desc, eq, gte, inArray, lt, lte, or, sql } from '../drizzle.ts'
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

  const matching = ({ event, actor, sessionId, since, until }: Omit<AuditQuery, 'limit' | 'before' | 'bytes'>) =>
    and(
      event === undefined
        ? undefined
        : event.endsWith('*')
          ? like(audit.event, `${event.slice(0, -1)}`, 'begins')
          : eq(audit.event, event),
      actor === undefined ? undefined : eq(audit.actor, actor),
      sessionId === undefined ? undefined : like(audit.detail, `"sessionId":${JSON.stringify(sessionId)}`, 'holds'),
      since === undefined ? undefined : gte(audit.at, since),
      until === undefined ? undefined : lt(audit.at, until)
    )

  /** Both dialects have `like`; the JSON of PostgreSQL has a space after a colon. */
  const like = (column: typeof audit.event | typeof audit.detail, text: string, how: 'begins' | 'holds') => {
    const escaped = text.replace(/[\\%_]/g, '\\$&')
    const stored = sql`replace(cast(${column} as text), '": ', '":')`
    return how === 'begins' ? sql`${column} like ${`${escaped}%`} escape '\\'` : sql`${stored} like ${`%${escaped}%`} escape '\\'`
  }

  return {
    async append(entry: NewAuditEntry): Promise<void> {
      await insert.execute({ ...entry })
    },

    async count(filter: Omit<AuditQuery, 'limit' | 'before' | 'bytes'>): Promise<number> {
      const [row] = await query.select({ n: count() }).from(audit).where(matching(filter)).execute()
      return row?.n ?? 0
    },

    async list({ limit, before, bytes = Number.MAX_SAFE_INTEGER, ...filter }: AuditQuery): Promise<AuditRow[]> {
      const page = query
        .select({ id: audit.id })
        .from(audit)
        .where(and(before === undefined ? undefined : lt(audit.id, before), matching(filter)))
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
