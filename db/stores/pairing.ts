import type { Connection } from '../connection.ts'
import { and, asc, count, desc, eq, gt, sql } from '../drizzle.ts'
import type { PairedSender, PairingStore } from '../types/pairing.ts'

export function pairingStore({ query, schema: { pairedSenders }, atomic }: Connection): PairingStore {
  const one = and(eq(pairedSenders.channel, sql.placeholder('channel')), eq(pairedSenders.senderId, sql.placeholder('senderId')))
  const find = query.select().from(pairedSenders).where(one).prepare()
  const drop = query.delete(pairedSenders).where(one).returning({ senderId: pairedSenders.senderId }).prepare()
  const write = atomic((tx) => [
    tx
      .insert(pairedSenders)
      .values({
        channel: sql.placeholder('channel'),
        senderId: sql.placeholder('senderId'),
        access: sql.placeholder('access'),
        pairedAt: sql.placeholder('pairedAt')
      })
      .onConflictDoUpdate({
        target: [pairedSenders.channel, pairedSenders.senderId],
        set: { pairedAt: sql`excluded.paired_at`, access: sql`excluded.access` }
      }),
    // Over the limit, the sender just added is the one to remove: pairing again does not change the number.
    tx
      .delete(pairedSenders)
      .where(and(one, gt(sql`(${tx.select({ n: count() }).from(pairedSenders)})`, sql.placeholder('most'))))
      .returning({ senderId: pairedSenders.senderId })
  ])

  return {
    async add(sender: PairedSender, most: number): Promise<boolean> {
      const [, refused] = await write({ ...sender, most })
      return refused.length === 0
    },

    async get(channel: string, senderId: string): Promise<PairedSender | undefined> {
      const [sender] = await find.execute({ channel, senderId })
      return sender
    },

    async list({ channel, limit }: { channel?: string | undefined; limit: number }): Promise<PairedSender[]> {
      return await query
        .select()
        .from(pairedSenders)
        .where(channel === undefined ? undefined : eq(pairedSenders.channel, channel))
        .orderBy(desc(pairedSenders.pairedAt), asc(pairedSenders.channel), asc(pairedSenders.senderId))
        .limit(limit)
        .execute()
    },

    async remove(channel: string, senderId: string): Promise<boolean> {
      return (await drop.execute({ channel, senderId })).length > 0
    }
  }
}
