import { checkpointsOf } from '../checkpoints.ts'
import type { Connection, Query } from '../connection.ts'
import { and, desc, eq, inArray, sql } from '../drizzle.ts'
import type { Checkpoint, Compaction, ContextCount, ContextRow, ContextStore } from '../types/contexts.ts'
import type { SessionConfig } from '../types/sessions.ts'

/** Limit on the checkpoints of one session. Older ones are removed. */
const MAX_CHECKPOINTS = 20

export function contextStore({ query, schema, atomic }: Connection): ContextStore {
  const { sessions, contexts, messages, memory } = schema
  const sessionId = sql.placeholder('sessionId')
  const { tokens, countedTo, contextWindow, summary } = contexts

  const find = query
    .select({ config: sessions.config, context: { tokens, countedTo, contextWindow, summary } })
    .from(sessions)
    .leftJoin(contexts, eq(contexts.sessionId, sessions.id))
    .where(eq(sessions.id, sessionId))
    .prepare()
  const newest = query
    .select({ sessionId: sessions.id, config: sessions.config, tokens })
    .from(sessions)
    .innerJoin(contexts, eq(contexts.sessionId, sessions.id))
    .orderBy(sql`${sessions.lastMessageAt} desc nulls last`, desc(sessions.createdAt), desc(sessions.id))
    .limit(sql.placeholder('limit'))
    .prepare()

  const last = sql`(select coalesce(max(${messages.id}), 0) from ${messages} where ${messages.sessionId} = ${sessionId})`
  const counting = (tx: Query) => {
    const counted = {
      tokens: sql`${sql.placeholder('tokens')}`,
      countedTo: last,
      contextWindow: sql`${sql.placeholder('contextWindow')}`
    }
    return { insert: tx.insert(contexts), counted }
  }
  const { insert, counted } = counting(query)
  const write = insert
    .values({ sessionId, ...counted })
    .onConflictDoUpdate({ target: contexts.sessionId, set: counted })
    .prepare()

  const namespace = sql.placeholder('namespace')
  const saving = (tx: Query) => {
    const text = { value: sql`${sql.placeholder('text')}`, updatedAt: sql`${sql.placeholder('now')}` }
    const kept = tx
      .select({ key: memory.key })
      .from(memory)
      .where(eq(memory.namespace, namespace))
      .orderBy(desc(memory.updatedAt), desc(memory.key))
      .limit(MAX_CHECKPOINTS)
    return [
      tx
        .insert(memory)
        .values({ namespace, key: sql.placeholder('key'), ...text })
        .onConflictDoUpdate({ target: [memory.namespace, memory.key], set: text }),
      tx.delete(memory).where(and(eq(memory.namespace, namespace), sql`not ${inArray(memory.key, kept)}`))
    ] as const
  }
  const save = atomic((tx) => [...saving(tx)])

  const compacting = atomic((tx) => {
    const { insert, counted } = counting(tx)
    const replaced = { ...counted, summary: sql`${sql.placeholder('summary')}` }
    const said = sql`${messages.sessionId} = ${sessionId} and ${messages.id} > coalesce(${sessions.historyFrom}, 0) and ${messages.role} <> 'tool'`
    const first = sql`(select ${messages.id} - 1 from ${messages} where ${said} order by ${messages.id} limit 1 offset ${sql.placeholder('messages')})`
    return [
      ...saving(tx),
      tx
        .update(sessions)
        .set({ historyFrom: sql`coalesce(${first}, ${last})` })
        .where(eq(sessions.id, sessionId)),
      insert.values({ sessionId, ...replaced }).onConflictDoUpdate({ target: contexts.sessionId, set: replaced })
    ]
  })

  return {
    async get(sessionId: string): Promise<{ config: SessionConfig; context: ContextRow | null } | undefined> {
      const [row] = await find.execute({ sessionId })
      return row
    },

    async list(limit: number): Promise<{ sessionId: string; config: SessionConfig; tokens: number }[]> {
      return await newest.execute({ limit })
    },

    async count(context: ContextCount): Promise<void> {
      await write.execute({ ...context })
    },

    async adopt(sessionId: string, summary: string): Promise<void> {
      // Nothing is counted for a window of 0: the conversation is estimated when it is opened.
      await query
        .insert(contexts)
        .values({ sessionId, tokens: 0, countedTo: 0, contextWindow: 0, summary })
        .onConflictDoNothing()
        .execute()
    },

    async checkpoint(checkpoint: Checkpoint): Promise<void> {
      await save({ ...checkpoint, namespace: checkpointsOf(checkpoint.sessionId) })
    },

    async compact(compaction: Compaction): Promise<void> {
      await compacting({ ...compaction, namespace: checkpointsOf(compaction.sessionId) })
    }
  }
}
