import type { Connection } from '../connection.ts'
import { and, asc, desc, eq, inArray, ne, sql } from '../drizzle.ts'
import type { NodeRegistration, NodeRow, NodeStore, StoredLocation, StoredPush, StoredStatus } from '../types/nodes.ts'

export function nodeStore({ query, schema: { nodes }, atomic, oneOf }: Connection): NodeStore {
  const find = query
    .select()
    .from(nodes)
    .where(eq(nodes.id, sql.placeholder('id')))
    .prepare()

  const set = async (id: string, seenAt: number, change: Partial<NodeRow>): Promise<void> => {
    await query
      .update(nodes)
      .set({ ...change, seenAt })
      .where(eq(nodes.id, id))
      .execute()
  }

  return {
    async register({ id, owner, anyOwner, role, capabilities, now, keep, cap }: NodeRegistration): Promise<boolean> {
      const kept = [...new Set([...keep, id])]
      const [rows] = await atomic((tx) => [
        tx
          .insert(nodes)
          .values({ id, owner, role, capabilities, seenAt: now })
          .onConflictDoUpdate({
            target: nodes.id,
            set: { role, capabilities, seenAt: now },
            ...(anyOwner ? {} : { setWhere: eq(nodes.owner, owner) })
          })
          .returning({ id: nodes.id }),
        tx.delete(nodes).where(
          inArray(
            nodes.id,
            tx
              .select({ id: nodes.id })
              .from(nodes)
              .where(sql`not ${oneOf(nodes.id, kept)}`)
              .orderBy(desc(nodes.seenAt), asc(nodes.id))
              .limit(Number.MAX_SAFE_INTEGER)
              .offset(Math.max(0, cap - kept.length))
          )
        )
      ])()
      return rows.length > 0
    },

    async get(id: string): Promise<NodeRow | undefined> {
      const [row] = await find.execute({ id })
      return row
    },

    async list(): Promise<NodeRow[]> {
      return await query.select().from(nodes).orderBy(asc(nodes.id)).execute()
    },

    async setLocation(id: string, location: StoredLocation): Promise<void> {
      await set(id, location.receivedAt, { location })
    },

    async setStatus(id: string, status: StoredStatus): Promise<void> {
      await set(id, status.updatedAt, { status })
    },

    async setPush(id: string, push: StoredPush, pushDigest: string): Promise<void> {
      await atomic((tx) => [
        tx
          .update(nodes)
          .set({ push: null, pushDigest: null })
          .where(and(eq(nodes.pushDigest, pushDigest), ne(nodes.id, id))),
        tx.update(nodes).set({ push, pushDigest, seenAt: push.updatedAt }).where(eq(nodes.id, id))
      ])()
    },

    async removePush(id: string, pushDigest: string): Promise<boolean> {
      const rows = await query
        .update(nodes)
        .set({ push: null, pushDigest: null })
        .where(and(eq(nodes.id, id), eq(nodes.pushDigest, pushDigest)))
        .returning({ id: nodes.id })
        .execute()
      return rows.length > 0
    },

    async forget(id: string): Promise<boolean> {
      const rows = await query.delete(nodes).where(eq(nodes.id, id)).returning({ id: nodes.id }).execute()
      return rows.length > 0
    },

    async reseal(id: string, push: StoredPush): Promise<void> {
      await query.update(nodes).set({ push }).where(eq(nodes.id, id)).execute()
    }
  }
}
