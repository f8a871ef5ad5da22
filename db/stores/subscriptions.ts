import type { Connection } from '../connection.ts'
import { and, asc, count, eq, gt, sql } from '../drizzle.ts'
import type { SubscriptionRow, SubscriptionStore } from '../types/subscriptions.ts'

export function subscriptionStore({ query, schema: { pushSubscriptions: table }, atomic }: Connection): SubscriptionStore {
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
    // Over the limit, the subscription just added is the one to remove. Existing ones stay, also where the limit was lowered.
    tx
      .delete(table)
      .where(and(one, eq(table.revision, 1), gt(sql`(${tx.select({ n: count() }).from(table)})`, sql.placeholder('most'))))
      .returning({ id: table.id })
  ])

  return {
    async put(row: Omit<SubscriptionRow, 'revision'>, most: number): Promise<'created' | 'updated' | 'full'> {
      const [[written], refused] = await write({ ...row, most })
      if (refused.length > 0) return 'full'
      return written?.revision === 1 ? 'created' : 'updated'
    },

    async of(owner: string): Promise<SubscriptionRow[]> {
      return await owned.execute({ owner })
    },

    async count(): Promise<number> {
      const [row] = await total.execute()
      return row?.n ?? 0
    },

    async remove(id: string, owner?: string): Promise<boolean> {
      const removed = owner === undefined ? await drop.execute({ id }) : await dropOwned.execute({ id, owner })
      return removed.length > 0
    }
  }
}
