import { blob, customType, index, integer, isNotNull, isNull, primaryKey, sqliteTable, text, uniqueIndex } from './drizzle.ts'

const MESSAGE_ROLES = ['user', 'assistant', 'tool'] as const
/**
 * `partial`: still being written, or the turn was cut off here by a failure or a cancel. `interrupted`: by the end of the
 * process. On a question it says that the turn was cut off before there was anything of an answer.
 */
const MESSAGE_STATUSES = ['complete', 'partial', 'interrupted'] as const
const RUN_STATUSES = ['running', 'completed', 'failed', 'cancelled', 'interrupted'] as const
const PRIORITIES = ['person', 'system'] as const
const QUEUE_STATES = [
  'queued',
  'running',
  'completed',
  'failed',
  'cancelled',
  /** A newer message took its place. */
  'superseded',
  /** There was no room for it. */
  'dropped',
  'interrupted'
] as const

/** A file that came with a message. `data` is base64, in the database as the bytes it stands for. */
export interface StoredAttachment {
  readonly mimeType: string
  readonly data: string
  readonly filename?: string
}

/** A tool that an assistant called. */
export interface StoredToolCall {
  readonly callId: string
  readonly tool: string
  readonly args: Record<string, unknown>
  /** Why the arguments could not be read; `args` is then empty. */
  readonly invalid?: string
}

/** What a message holds beside its text and its attachments. */
export interface MessageParts {
  /** Of an assistant: each is answered by a `tool` message with the same `callId`. */
  readonly toolCalls?: readonly StoredToolCall[]
  /** Of a tool: the call it answers, and the tool that did. */
  readonly callId?: string
  readonly tool?: string
  /** Of a tool: its text is what went wrong. */
  readonly failed?: boolean
}

/** What a lane does with a message that comes while it is busy. */
export interface StoredPolicy {
  readonly mode: 'collect' | 'followup' | 'steer' | 'steer_backlog' | 'interrupt'
  readonly cap: number
  readonly overflow: 'drop_old' | 'drop_new'
  readonly debounceMs: number
  readonly summarizeOverflow: boolean
}

/** What somebody has set for one session; what is absent is as configured. */
export interface SessionConfig {
  readonly queue?: Partial<StoredPolicy>
}

// The builder's own json mode writes the text 'null' when a prepared statement is given null; this one writes NULL.
const jsonText = customType<{ data: unknown; driverData: string | null }>({
  dataType: () => 'text',
  toDriver: (value) => (value === null ? null : JSON.stringify(value)),
  fromDriver: (text) => JSON.parse(text as string)
})
const json = <T>(name: string) => jsonText(name).$type<T>()

export const sessions = sqliteTable(
  'sessions',
  {
    /** `<frontend>:<user id>`. */
    id: text('id').primaryKey(),
    frontend: text('frontend').notNull(),
    userId: text('user_id').notNull(),
    createdAt: integer('created_at').notNull(),
    lastMessageAt: integer('last_message_at'),
    /** Of users and assistants; what tools answered is not counted. */
    messageCount: integer('message_count').notNull().default(0),
    config: json<SessionConfig>('config').notNull().default({}),
    /** The id of the last message before the conversation began anew; null: everything belongs to it. */
    historyFrom: integer('history_from')
  },
  (table) => [
    index('sessions_recent').on(table.lastMessageAt, table.createdAt, table.id),
    index('sessions_frontend_recent').on(table.frontend, table.lastMessageAt, table.createdAt, table.id)
  ]
)

const sessionId = () =>
  text('session_id')
    .notNull()
    .references(() => sessions.id, { onDelete: 'cascade' })

export const messages = sqliteTable(
  'messages',
  {
    /** Its order is the order of the conversation. Never used twice: clients keep it as a cursor. */
    id: integer('id').primaryKey({ autoIncrement: true }),
    sessionId: sessionId(),
    runId: text('run_id').notNull(),
    role: text('role', { enum: MESSAGE_ROLES }).notNull(),
    content: text('content').notNull(),
    parts: json<MessageParts>('parts'),
    status: text('status', { enum: MESSAGE_STATUSES }).notNull(),
    createdAt: integer('created_at').notNull()
  },
  (table) => [index('messages_session').on(table.sessionId, table.id)]
)

/** Of a message, in order. Apart from it, so that a conversation can be read without them. */
export const attachments = sqliteTable(
  'attachments',
  {
    messageId: integer('message_id')
      .notNull()
      .references(() => messages.id, { onDelete: 'cascade' }),
    position: integer('position').notNull(),
    mimeType: text('mime_type').notNull(),
    filename: text('filename'),
    /** Of `data`. */
    bytes: integer('bytes').notNull(),
    // Last: SQLite reads a row up to the columns it is asked for.
    data: blob('data', { mode: 'buffer' }).notNull()
  },
  (table) => [primaryKey({ columns: [table.messageId, table.position] })]
)

export const runs = sqliteTable(
  'runs',
  {
    id: text('id').primaryKey(),
    sessionId: sessionId(),
    /** The id of the caller whose message it answers. */
    principal: text('principal').notNull(),
    status: text('status', { enum: RUN_STATUSES }).notNull(),
    /** When its message was accepted; until `startedAt` it waited in the lane. */
    createdAt: integer('created_at').notNull(),
    startedAt: integer('started_at').notNull(),
    endedAt: integer('ended_at'),
    inputTokens: integer('input_tokens').notNull().default(0),
    outputTokens: integer('output_tokens').notNull().default(0),
    /** Who answered; null when no model was reached. */
    provider: text('provider'),
    model: text('model'),
    errorCode: integer('error_code'),
    errorMessage: text('error_message')
  },
  (table) => [index('runs_status').on(table.status), index('runs_session').on(table.sessionId)]
)

/** Every message that was accepted: those that wait or run, and for a while those that have ended. */
export const queue = sqliteTable(
  'queue',
  {
    /** The order of acceptance. */
    seq: integer('seq').primaryKey({ autoIncrement: true }),
    id: text('id').notNull(),
    // No reference: a message may wait while its session is removed, and then begins it anew.
    sessionId: text('session_id').notNull(),
    /** The run it is, or was, part of. */
    runId: text('run_id'),
    /** The id of the caller that sent it. */
    owner: text('owner').notNull(),
    priority: text('priority', { enum: PRIORITIES }).notNull(),
    policy: json<StoredPolicy>('policy').notNull(),
    /** The beginning of its text. */
    preview: text('preview').notNull(),
    state: text('state', { enum: QUEUE_STATES }).notNull(),
    /** How often a run has begun with it, or taken it. */
    attempts: integer('attempts').notNull().default(0),
    acceptedAt: integer('accepted_at').notNull(),
    /** Null exactly while it is `queued` or `running`. */
    endedAt: integer('ended_at'),
    idempotencyKey: text('idempotency_key'),
    /** What its sender was told at the end. */
    outcome: json<unknown>('outcome'),
    // Last: SQLite reads a row up to the columns it is asked for. Null once it has ended.
    body: json<unknown>('body')
  },
  (table) => [
    uniqueIndex('queue_id').on(table.id),
    // A null is not equal to another null, so any number of messages has no key.
    uniqueIndex('queue_key').on(table.sessionId, table.idempotencyKey),
    index('queue_run').on(table.runId).where(isNotNull(table.runId)),
    index('queue_unended').on(table.seq).where(isNull(table.endedAt)),
    index('queue_ended').on(table.endedAt).where(isNotNull(table.endedAt))
  ]
)

export const audit = sqliteTable(
  'audit',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    at: integer('at').notNull(),
    event: text('event').notNull(),
    actor: text('actor').notNull(),
    detail: json<Record<string, unknown>>('detail').notNull()
  },
  (table) => [index('audit_at').on(table.at)]
)

export const memory = sqliteTable(
  'memory',
  {
    namespace: text('namespace').notNull(),
    key: text('key').notNull(),
    value: text('value').notNull(),
    updatedAt: integer('updated_at').notNull()
  },
  (table) => [primaryKey({ columns: [table.namespace, table.key] })]
)

export const artifacts = sqliteTable(
  'artifacts',
  {
    sessionId: sessionId(),
    artifactId: text('artifact_id').notNull(),
    type: text('type').notNull(),
    title: text('title'),
    content: json<Record<string, unknown>>('content').notNull(),
    metadata: json<Record<string, unknown>>('metadata'),
    createdAt: integer('created_at').notNull(),
    updatedAt: integer('updated_at').notNull(),
    /** 1 when it is made, one more with each change. */
    revision: integer('revision').notNull()
  },
  (table) => [primaryKey({ columns: [table.sessionId, table.artifactId] })]
)
