import type { Connection } from '../connection.ts'
import { and, asc, eq, inArray, lte, min, sql } from '../drizzle.ts'
import type { NewPost, OutboxStore, PostRow } from '../types/outbox.ts'

/** Row of a new post, due at once. */
export function postOf({ channel, conversation, context = null, text }: NewPost, now: number) {
  return { channel, conversation, context, text, createdAt: now, dueAt: now }
}

export function outboxStore({ query, schema: { outbox } }: Connection): OutboxStore {
  const { placeholder } = sql
  const byId = eq(outbox.id, placeholder('id'))
  const isHead = inArray(
    outbox.id,
    query
      .select({ id: min(outbox.id) })
      .from(outbox)
      .groupBy(outbox.channel, outbox.conversation)
  )
  const insert = query
    .insert(outbox)
    .values({
      channel: placeholder('channel'),
      conversation: placeholder('conversation'),
      context: placeholder('context'),
      text: placeholder('text'),
      createdAt: placeholder('createdAt'),
      dueAt: placeholder('dueAt')
    })
    .prepare()
  const findDue = query
    .select()
    .from(outbox)
    .where(and(lte(outbox.dueAt, placeholder('now')), isHead))
    .orderBy(asc(outbox.id))
    .limit(placeholder('limit'))
    .prepare()
  const setSent = query
    .update(outbox)
    .set({ sent: sql`${placeholder('sent')}`, attempts: 0 })
    .where(byId)
    .prepare()
  const setDue = query
    .update(outbox)
    .set({ dueAt: sql`${placeholder('dueAt')}`, attempts: sql`${outbox.attempts} + 1` })
    .where(byId)
    .prepare()
  const drop = query.delete(outbox).where(byId).prepare()

  return {
    async add(post: NewPost, now: number): Promise<void> {
      await insert.execute(postOf(post, now))
    },

    async due(now: number, limit: number): Promise<PostRow[]> {
      return await findDue.execute({ now, limit })
    },

    async progress(id: number, sent: number): Promise<void> {
      await setSent.execute({ id, sent })
    },

    async postpone(id: number, dueAt: number): Promise<void> {
      await setDue.execute({ id, dueAt })
    },

    async remove(id: number): Promise<void> {
      await drop.execute({ id })
    }
  }
}
