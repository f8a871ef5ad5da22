import type { Connection } from '../connection.ts'
import { and, asc, count, desc, eq, gt, sql } from '../drizzle.ts'

export type PairedSender = Connection['schema']['pairedSenders']['$inferSelect']

export type PairingStore = ReturnType<typeof pairingStore>

/** Senders whom somebody has let in, each on one channel. */
export function pairingStore({ query, schema: { pairedSenders }, atomic }: Connection) {
  const one = and(eq(pairedSenders.channel, sql.placeholder('channel')), eq(pairedSenders.senderId, sql.placeholder('senderId')))
  const find = query.select().from(pairedSenders).where(one).prepare()
  const drop = query.delete(pairedSenders).where(one).returning({ senderId: pairedSenders.senderId }).prepare()
  const write = atomic((tx) => [
    tx
      .insert(pairedSenders)
      .values({
        channel: sql.placeholder('channel'),
        senderId: sql.placeholder('senderId'),
        pairedAt: sql.placeholder('pairedAt')
      })
      .onConflictDoUpdate({
        target: [pairedSenders.channel, pairedSenders.senderId],
        set: { pairedAt: sql`excluded.paired_at` }
      }),
    // One too many is the one that was just added: whoever is let in again leaves the number as it is.
    tx
      .delete(pairedSenders)
      .where(and(one, gt(sql`(${tx.select({ n: count() }).from(pairedSenders)})`, sql.placeholder('most'))))
      .returning({ senderId: pairedSenders.senderId })
  ])

  return {
    /** Lets a sender in. `false`, and nothing changed: `most` others are in already. */
    async add(sender: PairedSender, most: number): Promise<boolean> {
      const [, refused] = await write({ ...sender, most })
      return refused.length === 0
    },

    async has(channel: string, senderId: string): Promise<boolean> {
      return (await find.execute({ channel, senderId })).length > 0
    },

    /** Whoever was let in last comes first. */
    async list({ channel, limit }: { channel?: string | undefined; limit: number }): Promise<PairedSender[]> {
      return await query
        .select()
        .from(pairedSenders)
        .where(channel === undefined ? undefined : eq(pairedSenders.channel, channel))
        .orderBy(desc(pairedSenders.pairedAt), asc(pairedSenders.channel), asc(pairedSenders.senderId))
        .limit(limit)
        .execute()
    },

    /** `false`: there was none. */
    async remove(channel: string, senderId: string): Promise<boolean> {
      return (await drop.execute({ channel, senderId })).length > 0
    }
  }
}
