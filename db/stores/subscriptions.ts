import type { Connection } from '../connection.ts'
import { and, asc, count, eq, gt, sql } from '../drizzle.ts'

export type SubscriptionRow = Connection['schema']['pushSubscriptions']['$inferSelect']

export type SubscriptionStore = ReturnType<typeof subscriptionStore>

/** Browsers that push notifications go to, each on behalf of one caller. */
export function subscriptionStore({ query, schema: { pushSubscriptions: table }, atomic }: Connection) {
  const one = eq(table.id, sql.placeholder('id'))
  const owned = query
    .select()
    .from(table)
    .where(eq(table.owner, sql.placeholder('owner')))
    .orderBy(asc(table.id))
    .prepare()
  const total = query.select({ n: count() }).from(table).prepare()
  const drop = query.delete(table).where(one).returning({ id: table.id }).prepare()
  const dropOwned = query
    .delete(table)
    .where(and(one, eq(table.owner, sql.placeholder('owner'))))
    .returning({ id: table.id })
    .prepare()
  const write = atomic((tx) => [
    tx
      .insert(table)
      .values({
        id: sql.placeholder('id'),
        owner: sql.placeholder('owner'),
        endpoint: sql.placeholder('endpoint'),
        p256dh: sql.placeholder('p256dh'),
        auth: sql.placeholder('auth'),
        label: sql.placeholder('label'),
        updatedAt: sql.placeholder('updatedAt')
      })
      .onConflictDoUpdate({
        target: table.id,
        set: {
          owner: sql`excluded.owner`,
          p256dh: sql`excluded.p256dh`,
          auth: sql`excluded.auth`,
          label: sql`excluded.label`,
          updatedAt: sql`excluded.updated_at`,
          revision: sql`${table.revision} + 1`
        }
      })
      .returning({ revision: table.revision }),
    // One too many is the one that was just added; one that was there before stays, however many there are.
    tx
      .delete(table)
      .where(and(one, eq(table.revision, 1), gt(sql`(${tx.select({ n: count() }).from(table)})`, sql.placeholder('most'))))
      .returning({ id: table.id })
  ])

  return {
    /** Registers a browser, or what is new about one, on behalf of its owner from now on. `full`: nothing changed, `most` are there. */
    async put(row: Omit<SubscriptionRow, 'revision'>, most: number): Promise<'created' | 'updated' | 'full'> {
      const [[written], refused] = await write({ ...row, most })
      if (refused.length > 0) return 'full'
      return written?.revision === 1 ? 'created' : 'updated'
    },

    /** All of one caller. */
    async of(owner: string): Promise<SubscriptionRow[]> {
      return await owned.execute({ owner })
    },

    /** Of everybody. */
    async count(): Promise<number> {
      const [row] = await total.execute()
      return row?.n ?? 0
    },

    /** Of that owner only, where one is given. `false`: there was none. */
    async remove(id: string, owner?: string): Promise<boolean> {
      const removed = owner === undefined ? await drop.execute({ id }) : await dropOwned.execute({ id, owner })
      return removed.length > 0
    }
  }
}
