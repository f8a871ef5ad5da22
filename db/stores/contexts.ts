import { checkpointsOf } from '../checkpoints.ts'
import type { Connection, Query } from '../connection.ts'
import { and, desc, eq, inArray, sql } from '../drizzle.ts'
import type { SessionConfig } from '../schema.sqlite.ts'

export type ContextRow = Omit<Connection['schema']['contexts']['$inferSelect'], 'sessionId'>

/** How much a model was shown of a conversation, and the window of that model. */
export interface ContextCount {
  readonly sessionId: string
  readonly tokens: number
  readonly contextWindow: number
}

/** A summary of a conversation, kept in the memory. */
export interface Checkpoint {
  readonly sessionId: string
  /** Its key in the namespace `checkpointsOf(sessionId)`. */
  readonly key: string
  readonly text: string
  readonly now: number
}

/** A conversation of which the first messages give way to a summary. */
export interface Compaction extends Checkpoint, ContextCount {
  /** How many messages of users and assistants give way, from where the history begins. */
  readonly messages: number
  /** What stands for them from now on, and for what they stood for themselves. */
  readonly summary: string
}

/** Of one session at the most; older ones go. */
export const MAX_CHECKPOINTS = 20

export type ContextStore = ReturnType<typeof contextStore>

/** What models have in view of conversations, as estimated, and the summaries that stand for what they no longer see. */
export function contextStore({ query, schema, atomic }: Connection) {
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
    /** What is set for a session, and what a model has in view of it; undefined where there is no such session. */
    async get(sessionId: string): Promise<{ config: SessionConfig; context: ContextRow | null } | undefined> {
      const [row] = await find.execute({ sessionId })
      return row
    },

    /** Sessions whose models have something in view, latest message first. */
    async list(limit: number): Promise<{ sessionId: string; config: SessionConfig; tokens: number }[]> {
      return await newest.execute({ limit })
    },

    /** Everything that was said so far has been counted. The session has to be there. */
    async count(context: ContextCount): Promise<void> {
      await write.execute({ ...context })
    },

    /** Keeps a summary in the memory. */
    async checkpoint(checkpoint: Checkpoint): Promise<void> {
      await save({ ...checkpoint, namespace: checkpointsOf(checkpoint.sessionId) })
    },

    /**
     * Keeps a summary in the memory, and lets it take the place of the first messages of the conversation, in one transaction. They are
     * kept to be shown, and are not history any more.
     */
    async compact(compaction: Compaction): Promise<void> {
      await compacting({ ...compaction, namespace: checkpointsOf(compaction.sessionId) })
    }
  }
}
