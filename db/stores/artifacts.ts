import type { Connection } from '../connection.ts'
import { and, desc, eq, sql } from '../drizzle.ts'

export type ArtifactRow = Connection['schema']['artifacts']['$inferSelect']
export type NewArtifact = Omit<ArtifactRow, 'createdAt' | 'updatedAt' | 'revision'>

export type ArtifactStore = ReturnType<typeof artifactStore>

/** What a session has on its canvas. */
export function artifactStore({ query, schema: { artifacts } }: Connection) {
  return {
    /** Makes or replaces the artifact of that id; each change is one more revision. The session is there. */
    async put(artifact: NewArtifact, now: number): Promise<{ artifact: ArtifactRow; created: boolean }> {
      const { type, title, content, metadata } = artifact
      const [row] = await query
        .insert(artifacts)
        .values({ ...artifact, createdAt: now, updatedAt: now, revision: 1 })
        .onConflictDoUpdate({
          target: [artifacts.sessionId, artifacts.artifactId],
          set: { type, title, content, metadata, updatedAt: now, revision: sql`${artifacts.revision} + 1` }
        })
        .returning()
        .execute()
      return { artifact: row!, created: row!.revision === 1 }
    },

    async get(sessionId: string, artifactId: string): Promise<ArtifactRow | undefined> {
      const [row] = await query
        .select()
        .from(artifacts)
        .where(and(eq(artifacts.sessionId, sessionId), eq(artifacts.artifactId, artifactId)))
        .execute()
      return row
    },

    /** Newest change first. */
    async list(sessionId: string): Promise<ArtifactRow[]> {
      return await query
        .select()
        .from(artifacts)
        .where(eq(artifacts.sessionId, sessionId))
        .orderBy(desc(artifacts.updatedAt), desc(artifacts.artifactId))
        .execute()
    }
  }
}
