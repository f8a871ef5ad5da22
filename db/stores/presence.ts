import type { Connection } from '../connection.ts'
import { and, count, desc, eq, gte, lt, sql } from '../drizzle.ts'
import type { PresenceQuery, PresenceRow, PresenceStore, Sighting } from '../types/presence.ts'

/** Takes a few milliseconds. */
const PURGED_AT_ONCE = 1000

export function presenceStore({ query, schema: { presence }, atomic, grouped }: Connection): PresenceStore {
  const upsert = grouped((tx) => [
    tx
      .insert(presence)
      .values({
        channel: sql.placeholder('channel'),
        senderId: sql.placeholder('senderId'),
        senderName: sql.placeholder('senderName'),
        firstSeenAt: sql.placeholder('now'),
        lastSeenAt: sql.placeholder('now'),
        messageCount: 1
      })
      .onConflictDoUpdate({
        target: [presence.channel, presence.senderId],
        set: {
          // A message without a name does not remove the known name.
          senderName: sql`coalesce(excluded.sender_name, ${presence.senderName})`,
          lastSeenAt: sql`excluded.last_seen_at`,
          messageCount: sql`${presence.messageCount} + 1`
        }
      })
      .returning({ messageCount: presence.messageCount })
  ])

  return {
    async seen(sighting: Sighting, now: number): Promise<{ created: boolean }> {
      const [results] = await upsert([{ ...sighting, now }])
      const [[row]] = results!
      return { created: row!.messageCount === 1 }
    },

    async list({
      channel,
      status,
      onlineSince,
      limit
    }: PresenceQuery): Promise<{ rows: PresenceRow[]; total: number; online: number }> {
      const isOnline = gte(presence.lastSeenAt, onlineSince)
      const wanted = and(
        channel === undefined ? undefined : eq(presence.channel, channel),
        status === 'online' ? isOnline : undefined,
        status === 'offline' ? lt(presence.lastSeenAt, onlineSince) : undefined
      )
      const [rows, [counted]] = await atomic((tx) => [
        tx
          .select()
          .from(presence)
          .where(wanted)
          .orderBy(desc(presence.lastSeenAt), desc(presence.channel), desc(presence.senderId))
          .limit(limit),
        tx
          .select({ total: count(), online: sql<number>`coalesce(sum(case when ${isOnline} then 1 else 0 end), 0)` })
          .from(presence)
          .where(wanted)
      ])()
      return { rows, total: counted?.total ?? 0, online: counted?.online ?? 0 }
    },

    async purge(before: number): Promise<number> {
      const some = query
        .select({ channel: presence.channel, senderId: presence.senderId })
        .from(presence)
        .where(lt(presence.lastSeenAt, before))
        .limit(PURGED_AT_ONCE)
      const rows = await query
        .delete(presence)
        .where(sql`(${presence.channel}, ${presence.senderId}) in (${some})`)
        .returning({ channel: presence.channel })
        .execute()
      return rows.length
    },

    async keep(most: number): Promise<void> {
      const newest = query
        .select({ channel: presence.channel, senderId: presence.senderId })
        .from(presence)
        .orderBy(desc(presence.lastSeenAt), desc(presence.channel), desc(presence.senderId))
        .limit(most)
      await query.delete(presence).where(sql`(${presence.channel}, ${presence.senderId}) not in (${newest})`).execute()
    }
  }
}
