import type { Connection } from '../connection.ts'
import { and, asc, count, desc, eq, gt, lte, or, sql } from '../drizzle.ts'
import type { ArtifactPage, ArtifactRow, ArtifactStore, NewArtifact } from '../types/artifacts.ts'

export function artifactStore({ query, schema: { artifacts }, atomic }: Connection): ArtifactStore {
  const sessionId = sql.placeholder('sessionId')
  const ofSession = eq(artifacts.sessionId, sessionId)
  const one = and(ofSession, eq(artifacts.artifactId, sql.placeholder('artifactId')))
  const order = [desc(artifacts.updatedAt), asc(artifacts.artifactId)]

  const write = atomic((tx) => [
    tx
      .insert(artifacts)
      .values({
        sessionId,
        artifactId: sql.placeholder('artifactId'),
        type: sql.placeholder('type'),
        title: sql.placeholder('title'),
        content: sql.placeholder('content'),
        metadata: sql.placeholder('metadata'),
        createdAt: sql.placeholder('now'),
        updatedAt: sql.placeholder('now'),
        revision: 1
      })
      .onConflictDoUpdate({
        target: [artifacts.sessionId, artifacts.artifactId],
        set: {
          type: sql`excluded.type`,
          title: sql`excluded.title`,
          content: sql`excluded.content`,
          metadata: sql`excluded.metadata`,
          updatedAt: sql`excluded.updated_at`,
          revision: sql`${artifacts.revision} + 1`
        }
      })
      .returning(),
    // Over the limit, the artifact just created is the one to remove: a replaced one does not change the number.
    tx
      .delete(artifacts)
      .where(and(one, gt(sql`(${tx.select({ n: count() }).from(artifacts).where(ofSession)})`, sql.placeholder('most'))))
      .returning({ artifactId: artifacts.artifactId })
  ])

  const page = query
    .select({ id: artifacts.artifactId, updatedAt: artifacts.updatedAt })
    .from(artifacts)
    .where(ofSession)
    .orderBy(...order)
    .limit(sql.placeholder('limit'))
    .offset(sql.placeholder('offset'))
    .as('page')
  const size = sql`octet_length(${artifacts.content}) + coalesce(octet_length(${artifacts.metadata}), 0)`
  const before = sql`order by ${page.updatedAt} desc, ${page.id}`
  const measured = query
    .select({
      id: page.id,
      place: sql<number>`row_number() over (${before})`.as('place'),
      /** Sum from the first artifact of the page to this one. */
      bytes: sql<number>`sum(${size}) over (${before})`.as('bytes')
    })
    .from(page)
    .innerJoin(artifacts, and(ofSession, eq(artifacts.artifactId, page.id)))
    .as('measured')
  const fitting = query
    .select({ id: measured.id })
    .from(measured)
    .where(or(eq(measured.place, 1), lte(measured.bytes, sql.placeholder('bytes'))))
  const listed = atomic((tx) => [
    tx
      .select()
      .from(artifacts)
      .where(and(ofSession, sql`${artifacts.artifactId} in (${fitting})`))
      .orderBy(...order),
    tx.select({ total: count() }).from(artifacts).where(ofSession)
  ])

  return {
    async put(
      artifact: NewArtifact,
      now: number,
      most: number = Number.MAX_SAFE_INTEGER
    ): Promise<{ artifact: ArtifactRow; created: boolean } | undefined> {
      const [[row], refused] = await write({ ...artifact, now, most })
      return refused.length > 0 ? undefined : { artifact: row!, created: row!.revision === 1 }
    },

    async get(sessionId: string, artifactId: string): Promise<ArtifactRow | undefined> {
      const [row] = await query
        .select()
        .from(artifacts)
        .where(and(eq(artifacts.sessionId, sessionId), eq(artifacts.artifactId, artifactId)))
        .execute()
      return row
    },

    async list(sessionId: string, { limit, offset, bytes }: ArtifactPage): Promise<{ rows: ArtifactRow[]; total: number }> {
      const [rows, [counted]] = await listed({ sessionId, limit, offset, bytes })
      return { rows, total: counted?.total ?? 0 }
    },

    async remove(sessionId: string, artifactId: string): Promise<boolean> {
      const rows = await query
        .delete(artifacts)
        .where(and(eq(artifacts.sessionId, sessionId), eq(artifacts.artifactId, artifactId)))
        .returning({ artifactId: artifacts.artifactId })
        .execute()
      return rows.length > 0
    },

    async clear(sessionId: string): Promise<number> {
      const rows = await query
        .delete(artifacts)
        .where(eq(artifacts.sessionId, sessionId))
        .returning({ artifactId: artifacts.artifactId })
        .execute()
      return rows.length
    }
  }
}
