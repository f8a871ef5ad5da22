import { isNotNull, isNull, sql } from './drizzle.ts'
import type { sqlite } from './schema.sqlite.ts'
import type { TallyKind } from './types/analytics.ts'
import type { MessageParts, MessageRow, MessageStatus } from './types/messages.ts'
import type { StoredCapability, StoredLocation, StoredPush, StoredStatus } from './types/nodes.ts'
import type { StoredReply } from './types/outbox.ts'
import type { PairedSender } from './types/pairing.ts'
import type { QueueRow, QueueState } from './types/queue.ts'
import type { RunStatus, RunSteps } from './types/runs.ts'
import type { SessionConfig, SessionRow, StoredPolicy } from './types/sessions.ts'

/** Builders of tables, columns and indexes. The types of SQLite are canonical. */
export type Dialect = typeof sqlite
export type Schema = ReturnType<typeof tables>

/**
 * The tables, in any dialect. Their columns are documented with the rows in `types/`; comments here are about storage.
 * Large columns come last: SQLite reads a row only up to the last column that a statement needs.
 */
export function tables({ table, text, integer, boolean, serial, json, bytes, index, uniqueIndex, primaryKey }: Dialect) {
  const sessions = table(
    'sessions',
    {
      id: text('id').primaryKey(),
      frontend: text('frontend').notNull(),
      userId: text('user_id').notNull(),
      createdAt: integer('created_at').notNull(),
      lastMessageAt: integer('last_message_at'),
      messageCount: integer('message_count').notNull().default(0),
      config: json<SessionConfig>('config').notNull().default(sql`'{}'`),
      historyFrom: integer('history_from'),
      title: text('title'),
      titledBy: text('titled_by').$type<SessionRow['titledBy']>(),
      pinned: boolean('pinned').notNull().default(false),
      archived: boolean('archived').notNull().default(false),
      inputTokens: integer('input_tokens').notNull().default(0),
      outputTokens: integer('output_tokens').notNull().default(0)
    },
    (table) => [
      // The last two are not part of the order: with them, sessions are counted, and their messages added up, in the index alone.
      index('sessions_recent').on(table.lastMessageAt, table.createdAt, table.id, table.messageCount, table.archived),
      index('sessions_frontend_recent').on(table.frontend, table.lastMessageAt, table.createdAt, table.id, table.archived),
      // Few of many.
      index('sessions_archived').on(table.lastMessageAt, table.createdAt, table.id).where(sql`${table.archived}`),
      index('sessions_pinned').on(table.lastMessageAt, table.createdAt, table.id).where(sql`${table.pinned}`)
    ]
  )

  const sessionId = () =>
    text('session_id')
      .notNull()
      .references(() => sessions.id, { onDelete: 'cascade' })

  const messages = table(
    'messages',
    {
      id: serial('id'),
      sessionId: sessionId(),
      runId: text('run_id').notNull(),
      role: text('role').$type<MessageRow['role']>().notNull(),
      content: text('content').notNull(),
      parts: json<MessageParts>('parts'),
      status: text('status').$type<MessageStatus>().notNull(),
      createdAt: integer('created_at').notNull(),
      /** Names counted in `tallies`: topics of a user's message, tools called by an assistant. */
      tallied: json<readonly string[]>('tallied')
    },
    // With the role, so that messages of the agent are counted in the index alone.
    (table) => [index('messages_session').on(table.sessionId, table.id, table.role)]
  )

  /** Apart from the messages, so that a conversation can be read without them. */
  const attachments = table(
    'attachments',
    {
      messageId: integer('message_id')
        .notNull()
        .references(() => messages.id, { onDelete: 'cascade' }),
      position: integer('position').notNull(),
      mimeType: text('mime_type').notNull(),
      filename: text('filename'),
      /** Size of `data`. */
      bytes: integer('bytes').notNull(),
      data: bytes('data').notNull()
    },
    (table) => [primaryKey({ columns: [table.messageId, table.position] })]
  )

  /** The newest message that a caller has read in a session. */
  const readMarks = table(
    'read_marks',
    {
      sessionId: sessionId(),
      principal: text('principal').notNull(),
      messageId: integer('message_id').notNull()
    },
    (table) => [primaryKey({ columns: [table.sessionId, table.principal] })]
  )

  const runs = table(
    'runs',
    {
      id: text('id').primaryKey(),
      sessionId: sessionId(),
      principal: text('principal').notNull(),
      status: text('status').$type<RunStatus>().notNull(),
      createdAt: integer('created_at').notNull(),
      startedAt: integer('started_at').notNull(),
      endedAt: integer('ended_at'),
      inputTokens: integer('input_tokens').notNull().default(0),
      outputTokens: integer('output_tokens').notNull().default(0),
      provider: text('provider'),
      model: text('model'),
      errorCode: integer('error_code'),
      errorMessage: text('error_message'),
      reason: text('reason'),
      /** Written once, at the end of the run. */
      steps: json<RunSteps>('steps')
    },
    (table) => [
      // With the session, so that its frontend is compared in the index.
      index('runs_recent').on(table.createdAt, table.id, table.sessionId),
      index('runs_session').on(table.sessionId, table.createdAt, table.id),
      index('runs_status').on(table.status, table.createdAt, table.id),
      index('runs_ended').on(table.endedAt).where(isNotNull(table.endedAt))
    ]
  )

  /** Accepted messages: those that wait or run, and for a while those that have ended. */
  const queue = table(
    'queue',
    {
      /** Order of acceptance. */
      seq: serial('seq'),
      id: text('id').notNull(),
      // No reference: a message may wait while its session is deleted, and then creates it again.
      sessionId: text('session_id').notNull(),
      runId: text('run_id'),
      owner: text('owner').notNull(),
      priority: text('priority').$type<QueueRow['priority']>().notNull(),
      policy: json<StoredPolicy>('policy').notNull(),
      preview: text('preview').notNull(),
      state: text('state').$type<QueueState>().notNull(),
      attempts: integer('attempts').notNull().default(0),
      acceptedAt: integer('accepted_at').notNull(),
      endedAt: integer('ended_at'),
      idempotencyKey: text('idempotency_key'),
      reply: json<StoredReply>('reply'),
      outcome: json<unknown>('outcome'),
      /** Null once the message has ended. */
      body: json<unknown>('body')
    },
    (table) => [
      uniqueIndex('queue_id').on(table.id),
      // Nulls are distinct, so any number of messages may have no key.
      uniqueIndex('queue_key').on(table.sessionId, table.owner, table.idempotencyKey),
      index('queue_session').on(table.sessionId, table.seq),
      index('queue_run').on(table.runId).where(isNotNull(table.runId)),
      index('queue_unended').on(table.seq).where(isNull(table.endedAt)),
      index('queue_ended').on(table.endedAt).where(isNotNull(table.endedAt))
    ]
  )

  const audit = table(
    'audit',
    {
      id: serial('id'),
      at: integer('at').notNull(),
      event: text('event').notNull(),
      actor: text('actor').notNull(),
      detail: json<Record<string, unknown>>('detail').notNull()
    },
    (table) => [
      index('audit_at').on(table.at),
      index('audit_event').on(table.event, table.id),
      index('audit_actor').on(table.actor, table.id)
    ]
  )

  const memory = table(
    'memory',
    {
      namespace: text('namespace').notNull(),
      key: text('key').notNull(),
      value: text('value').notNull(),
      updatedAt: integer('updated_at').notNull()
    },
    (table) => [primaryKey({ columns: [table.namespace, table.key] })]
  )

  const artifacts = table(
    'artifacts',
    {
      sessionId: sessionId(),
      artifactId: text('artifact_id').notNull(),
      type: text('type').notNull(),
      title: text('title'),
      createdAt: integer('created_at').notNull(),
      updatedAt: integer('updated_at').notNull(),
      revision: integer('revision').notNull(),
      metadata: json<Record<string, unknown>>('metadata'),
      content: json<Record<string, unknown>>('content').notNull()
    },
    (table) => [primaryKey({ columns: [table.sessionId, table.artifactId] })]
  )

  const presence = table(
    'presence',
    {
      channel: text('channel').notNull(),
      senderId: text('sender_id').notNull(),
      senderName: text('sender_name'),
      firstSeenAt: integer('first_seen_at').notNull(),
      lastSeenAt: integer('last_seen_at').notNull(),
      messageCount: integer('message_count').notNull()
    },
    (table) => [
      primaryKey({ columns: [table.channel, table.senderId] }),
      index('presence_recent').on(table.lastSeenAt, table.channel, table.senderId)
    ]
  )

  const pairedSenders = table(
    'paired_senders',
    {
      channel: text('channel').notNull(),
      senderId: text('sender_id').notNull(),
      access: text('access').$type<PairedSender['access']>().notNull().default('guest'),
      pairedAt: integer('paired_at').notNull()
    },
    (table) => [primaryKey({ columns: [table.channel, table.senderId] })]
  )

  const nodes = table(
    'nodes',
    {
      id: text('id').primaryKey(),
      owner: text('owner').notNull(),
      role: text('role').notNull(),
      seenAt: integer('seen_at').notNull(),
      location: json<StoredLocation>('location'),
      status: json<StoredStatus>('status'),
      push: json<StoredPush>('push'),
      pushDigest: text('push_digest'),
      capabilities: json<readonly StoredCapability[]>('capabilities')
    },
    (table) => [index('nodes_seen').on(table.seenAt, table.id), uniqueIndex('nodes_push').on(table.pushDigest)]
  )

  // Counts for analytics. They are written in the transactions that write the messages, and always equal what the messages would give.
  // Messages are those of users and assistants; days are UTC, counted from 1970-01-01.

  const days = table('days', {
    day: integer('day').primaryKey(),
    sessions: integer('sessions').notNull(),
    messages: integer('messages').notNull()
  })

  /** Days on which a session has messages. Its number of messages since any day takes one row, however long ago that is. */
  const sessionDays = table(
    'session_days',
    {
      sessionId: sessionId(),
      day: integer('day').notNull(),
      /** Messages of the session on earlier days. */
      before: integer('before').notNull()
    },
    (table) => [
      primaryKey({ columns: [table.sessionId, table.day] }),
      // Covers all three columns: counting a session's messages reads the index alone.
      index('session_days_before').on(table.sessionId, table.day, table.before)
    ]
  )

  /** Runs and their tokens by day and model. Names are empty where no model was asked: a key has no null. */
  const modelDays = table(
    'model_days',
    {
      day: integer('day').notNull(),
      provider: text('provider').notNull(),
      model: text('model').notNull(),
      runs: integer('runs').notNull(),
      failed: integer('failed').notNull(),
      cancelled: integer('cancelled').notNull(),
      inputTokens: integer('input_tokens').notNull(),
      outputTokens: integer('output_tokens').notNull()
    },
    (table) => [primaryKey({ columns: [table.day, table.provider, table.model] })]
  )

  /** Counts of names by day. Of a past day only the most frequent ones are kept. */
  const tallies = table(
    'tallies',
    {
      kind: text('kind').$type<TallyKind>().notNull(),
      day: integer('day').notNull(),
      name: text('name').notNull(),
      count: integer('count').notNull()
    },
    (table) => [
      primaryKey({ columns: [table.kind, table.day, table.name] }),
      // Almost always empty: finds the names to remove after a subtraction.
      index('tallies_spent').on(table.count).where(sql`${table.count} <= 0`)
    ]
  )

  /** Context of a model beside the messages of its session. It ends with the conversation. */
  const contexts = table('contexts', {
    sessionId: sessionId().primaryKey(),
    tokens: integer('tokens').notNull(),
    countedTo: integer('counted_to').notNull(),
    contextWindow: integer('context_window').notNull(),
    summary: text('summary')
  })

  /** Undelivered posts, in each conversation in the order of the ids. */
  const outbox = table(
    'outbox',
    {
      id: serial('id'),
      channel: text('channel').notNull(),
      conversation: text('conversation').notNull(),
      context: json<unknown>('context'),
      text: text('text').notNull(),
      createdAt: integer('created_at').notNull(),
      dueAt: integer('due_at').notNull(),
      attempts: integer('attempts').notNull().default(0),
      sent: integer('sent').notNull().default(0)
    },
    (table) => [index('outbox_conversation').on(table.channel, table.conversation, table.id), index('outbox_due').on(table.dueAt)]
  )

  const cursors = table('cursors', {
    name: text('name').primaryKey(),
    value: text('value').notNull()
  })

  const pluginValues = table(
    'plugin_values',
    {
      namespace: text('namespace').notNull(),
      key: text('key').notNull(),
      revision: text('revision').notNull(),
      updatedAt: integer('updated_at').notNull(),
      /** JSON, read and written by the store: unlike in the other tables, null is a value. */
      value: text('value').notNull()
    },
    (table) => [primaryKey({ columns: [table.namespace, table.key] })]
  )

  const deliveries = table(
    'deliveries',
    {
      source: text('source').notNull(),
      key: text('key').notNull(),
      messageId: text('message_id').notNull(),
      createdAt: integer('created_at').notNull()
    },
    (table) => [primaryKey({ columns: [table.source, table.key] }), index('deliveries_recent').on(table.source, table.createdAt)]
  )

  const pushSubscriptions = table(
    'push_subscriptions',
    {
      id: text('id').primaryKey(),
      owner: text('owner').notNull(),
      endpoint: text('endpoint').notNull(),
      p256dh: text('p256dh').notNull(),
      auth: text('auth').notNull(),
      label: text('label'),
      updatedAt: integer('updated_at').notNull(),
      revision: integer('revision').notNull().default(1)
    },
    (table) => [index('push_subscriptions_owner').on(table.owner)]
  )

  return {
    sessions,
    messages,
    attachments,
    readMarks,
    runs,
    queue,
    audit,
    memory,
    artifacts,
    presence,
    pairedSenders,
    nodes,
    days,
    sessionDays,
    modelDays,
    tallies,
    contexts,
    outbox,
    cursors,
    deliveries,
    pluginValues,
    pushSubscriptions
  }
}
