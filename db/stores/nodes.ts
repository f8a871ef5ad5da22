import type { Connection } from '../connection.ts'
import { and, asc, desc, eq, inArray, ne, sql } from '../drizzle.ts'
import type { StoredLocation, StoredPush, StoredStatus } from '../schema.sqlite.ts'

export type NodeRow = Connection['schema']['nodes']['$inferSelect']

export interface NodeRegistration {
  readonly id: string
  /** The id of the caller; kept from the first time on. */
  readonly owner: string
  /** Whoever owns it. */
  readonly anyOwner: boolean
  readonly role: string
  readonly now: number
  /** Nodes that are connected: they are never removed. */
  readonly keep: readonly string[]
  /** How many are kept; those unseen for longest go. */
  readonly cap: number
}

export type NodeStore = ReturnType<typeof nodeStore>

/** What is known of companion devices beyond their connections. */
export function nodeStore({ query, schema: { nodes }, atomic, oneOf }: Connection) {
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
    /** Makes the node, or lets its owner have it again. `false`: it is somebody else's, and nothing was changed. */
    async register({ id, owner, anyOwner, role, now, keep, cap }: NodeRegistration): Promise<boolean> {
      const kept = [...new Set([...keep, id])]
      const [rows] = await atomic((tx) => [
        tx
          .insert(nodes)
          .values({ id, owner, role, seenAt: now })
          .onConflictDoUpdate({
            target: nodes.id,
            set: { role, seenAt: now },
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

    /** By id. */
    async list(): Promise<NodeRow[]> {
      return await query.select().from(nodes).orderBy(asc(nodes.id)).execute()
    },

    async setLocation(id: string, location: StoredLocation): Promise<void> {
      await set(id, location.receivedAt, { location })
    },

    async setStatus(id: string, status: StoredStatus): Promise<void> {
      await set(id, status.updatedAt, { status })
    },

    /** A token belongs to one node: the one that had the digest before has no token any more. */
    async setPush(id: string, push: StoredPush, pushDigest: string): Promise<void> {
      await atomic((tx) => [
        tx
          .update(nodes)
          .set({ push: null, pushDigest: null })
          .where(and(eq(nodes.pushDigest, pushDigest), ne(nodes.id, id))),
        tx.update(nodes).set({ push, pushDigest, seenAt: push.updatedAt }).where(eq(nodes.id, id))
      ])()
    },

    /** The service has no such device any more. A token that was set meanwhile stays. `false`: it is not that one any more. */
    async removePush(id: string, pushDigest: string): Promise<boolean> {
      const rows = await query
        .update(nodes)
        .set({ push: null, pushDigest: null })
        .where(and(eq(nodes.id, id), eq(nodes.pushDigest, pushDigest)))
        .returning({ id: nodes.id })
        .execute()
      return rows.length > 0
    },

    /** The same token in another form: nothing was seen of the node. */
    async reseal(id: string, push: StoredPush): Promise<void> {
      await query.update(nodes).set({ push }).where(eq(nodes.id, id)).execute()
    }
  }
}
