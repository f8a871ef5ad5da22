import type { Connection } from '../connection.ts'
import { and, asc, desc, eq, gte, lt, max, min, ne, sql } from '../drizzle.ts'

export type MessageRow = Connection['schema']['messages']['$inferSelect']
export type NewMessage = Omit<MessageRow, 'id' | 'parts' | 'status'> & Partial<Pick<MessageRow, 'parts' | 'status'>>

export type MessageStore = ReturnType<typeof messageStore>

/** What was said in a session, in order. */
export function messageStore({ query, schema: { messages, sessions }, atomic }: Connection) {
  const ofSession = eq(messages.sessionId, sql.placeholder('sessionId'))

  const insert = atomic((tx) => [
    tx
      .insert(messages)
      .values({
        sessionId: sql.placeholder('sessionId'),
        runId: sql.placeholder('runId'),
        role: sql.placeholder('role'),
        content: sql.placeholder('content'),
        parts: sql.placeholder('parts'),
        status: sql.placeholder('status'),
        createdAt: sql.placeholder('createdAt')
      })
      .returning({ id: messages.id }),
    tx
      .update(sessions)
      .set({
        lastMessageAt: sql`${sql.placeholder('createdAt')}`,
        messageCount: sql`${sessions.messageCount} + ${sql.placeholder('counted')}`
      })
      .where(eq(sessions.id, sql.placeholder('sessionId')))
  ])

  const rewrite = query
    .update(messages)
    .set({
      content: sql`${sql.placeholder('content')}`,
      parts: sql`${sql.param(sql.placeholder('parts'), messages.parts)}`,
      status: sql`${sql.placeholder('status')}`
    })
    .where(eq(messages.id, sql.placeholder('id')))
    .prepare()

  const cutOff = query
    .update(messages)
    .set({ status: 'partial' })
    .where(
      eq(
        messages.id,
        query
          .select({ id: max(messages.id) })
          .from(messages)
          .where(and(ofSession, eq(messages.runId, sql.placeholder('runId')), ne(messages.role, 'tool')))
      )
    )
    .prepare()

  const all = query.select().from(messages).where(ofSession).orderBy(asc(messages.id)).prepare()

  const before = lt(messages.id, sql.placeholder('before'))
  const newest = query
    .select({ id: messages.id })
    .from(messages)
    .where(and(ofSession, ne(messages.role, 'tool'), before))
    .orderBy(desc(messages.id))
    .limit(sql.placeholder('limit'))
    .as('newest')
  const pageOf = query
    .select()
    .from(messages)
    .where(and(ofSession, before, gte(messages.id, query.select({ id: min(newest.id) }).from(newest))))
    .orderBy(asc(messages.id))
    .prepare()

  return {
    /** Adds a message to a session that is there, and counts it, in one transaction. Answers its id. */
    async append({ parts = null, status = 'complete', ...message }: NewMessage): Promise<number> {
      const counted = message.role === 'tool' ? 0 : 1
      const [[row]] = await insert({ ...message, parts, status, counted })
      return row!.id
    },

    /** Replaces what an answer that is still being written holds so far. */
    async update({ id, content, parts, status }: Pick<MessageRow, 'id' | 'content' | 'parts' | 'status'>): Promise<void> {
      await rewrite.execute({ id, content, parts, status })
    },

    /** A run ends before its answer does: marks the newest message it has, an answer or else the question. */
    async cut(sessionId: string, runId: string): Promise<void> {
      await cutOff.execute({ sessionId, runId })
    },

    /**
     * The newest `limit` messages of users and assistants, oldest first, each assistant's with the answers of the tools
     * it called. `before` is the id of the oldest message of the page after this one.
     */
    async page(sessionId: string, { limit, before = Number.MAX_SAFE_INTEGER }: { limit: number; before?: number | undefined }) {
      return await pageOf.execute({ sessionId, limit, before })
    },

    /** Everything, in order: what a model has to see. */
    async history(sessionId: string): Promise<MessageRow[]> {
      return await all.execute({ sessionId })
    }
  }
}
