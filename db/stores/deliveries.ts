import type { Connection } from '../connection.ts'
import { and, desc, eq, inArray, lte, sql } from '../drizzle.ts'
import type { DeliveryStore } from '../types/deliveries.ts'

export function deliveryStore({ query, schema: { deliveries } }: Connection): DeliveryStore {
  return {
    async find(source, keys) {
      const [row] = await query
        .select({ messageId: deliveries.messageId })
        .from(deliveries)
        .where(and(eq(deliveries.source, source), inArray(deliveries.key, [...keys])))
        .limit(1)
        .execute()
      return row?.messageId
    },

    async add({ source, keys, messageId, now }, most) {
      await query
        .insert(deliveries)
        .values(keys.map((key) => ({ source, key, messageId, createdAt: now })))
        .onConflictDoUpdate({ target: [deliveries.source, deliveries.key], set: { createdAt: sql`excluded.created_at` } })
        .execute()
      const [oldest] = await query
        .select({ createdAt: deliveries.createdAt })
        .from(deliveries)
        .where(eq(deliveries.source, source))
        .orderBy(desc(deliveries.createdAt))
        .limit(1)
        .offset(most)
        .execute()
      if (oldest === undefined) return
      await query
        .delete(deliveries)
        .where(and(eq(deliveries.source, source), lte(deliveries.createdAt, oldest.createdAt)))
        .execute()
    }
  }
}
