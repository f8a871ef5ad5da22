import {
  blob,
  customType,
  index,
  integer,
  isNotNull,
  isNull,
  primaryKey,
  sql,
  sqliteTable,
  text,
  uniqueIndex
} from './drizzle.ts'

const MESSAGE_ROLES = ['user', 'assistant', 'tool'] as const
/**
 * `partial`: still being written, or the turn was cut off here by a failure or a cancel. `interrupted`: by the end of the
 * process. On a question it says that the turn was cut off before there was anything of an answer.
 */
const MESSAGE_STATUSES = ['complete', 'partial', 'interrupted'] as const
const RUN_STATUSES = ['running', 'completed', 'failed', 'cancelled', 'interrupted'] as const
const TALLY_KINDS = ['tool', 'topic'] as const
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

/** What is counted by name. */
export type TallyKind = (typeof TALLY_KINDS)[number]

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
  /** The tier of models that answers. */
  readonly modelTier?: string
  /** Until when tools that need it may run here. Epoch milliseconds. */
  readonly elevation?: { readonly untilMs: number }
}

/** Where the answer to a message goes that came over a channel. */
export interface StoredReply {
  readonly channel: string
  /** As the channel names it; the part of a session id after its colon, where that is not cut. */
  readonly conversation: string
  /** What the channel needs to answer: a thread, the address of a service. Any JSON. */
  readonly context?: unknown
}

/** Where a companion device says it is. Times are epoch milliseconds; `capturedAt` is by its own clock. */
export interface StoredLocation {
  readonly latitude: number
  readonly longitude: number
  readonly accuracyMeters?: number
  readonly source?: string
  readonly capturedAt: number
  readonly receivedAt: number
}

/** How a companion device says it is. */
export interface StoredStatus {
  readonly platform?: string
  readonly appVersion?: string
  readonly deviceName?: string
  readonly statusText?: string
  readonly batteryPct?: number
  readonly powerSource?: string
  readonly updatedAt: number
}

/** How a companion device is woken. */
export interface StoredPush {
  readonly provider: 'apns' | 'fcm'
  /** As whoever stores it has sealed it. */
  readonly token: string
  readonly environment?: 'production' | 'sandbox'
  readonly topic?: string
  readonly updatedAt: number
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
    // The count is no part of the order: it is there so that who adds counts up need not read the rows.
    index('sessions_recent').on(table.lastMessageAt, table.createdAt, table.id, table.messageCount),
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
    createdAt: integer('created_at').notNull(),
    /** What of it is counted in `tallies`: the topics of a user's message, the tools that an assistant called. */
    tallied: json<readonly string[]>('tallied')
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
    reply: json<StoredReply>('reply'),
    /** What its sender was told at the end. */
    outcome: json<unknown>('outcome'),
    // Last: SQLite reads a row up to the columns it is asked for. Null once it has ended.
    body: json<unknown>('body')
  },
  (table) => [
    uniqueIndex('queue_id').on(table.id),
    // A null is not equal to another null, so any number of messages has no key.
    uniqueIndex('queue_key').on(table.sessionId, table.owner, table.idempotencyKey),
    index('queue_session').on(table.sessionId, table.seq),
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
  (table) => [
    index('audit_at').on(table.at),
    index('audit_event').on(table.event, table.id),
    index('audit_actor').on(table.actor, table.id)
  ]
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
    createdAt: integer('created_at').notNull(),
    updatedAt: integer('updated_at').notNull(),
    /** 1 when it is made, one more with each change. */
    revision: integer('revision').notNull(),
    metadata: json<Record<string, unknown>>('metadata'),
    // Last: SQLite reads a row up to the columns it is asked for.
    content: json<Record<string, unknown>>('content').notNull()
  },
  (table) => [primaryKey({ columns: [table.sessionId, table.artifactId] })]
)

/** Who has written to the gateway, from where, and when last. */
export const presence = sqliteTable(
  'presence',
  {
    channel: text('channel').notNull(),
    senderId: text('sender_id').notNull(),
    /** As the channel called them last. */
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

/** Senders whom somebody has let in, each on one channel. */
export const pairedSenders = sqliteTable(
  'paired_senders',
  {
    channel: text('channel').notNull(),
    senderId: text('sender_id').notNull(),
    pairedAt: integer('paired_at').notNull()
  },
  (table) => [primaryKey({ columns: [table.channel, table.senderId] })]
)

/** Companion devices, connected or not. */
export const nodes = sqliteTable(
  'nodes',
  {
    id: text('id').primaryKey(),
    /** The id of the caller that registered it first. Nobody else may, but an admin. */
    owner: text('owner').notNull(),
    role: text('role').notNull(),
    /** When it last registered or told something. */
    seenAt: integer('seen_at').notNull(),
    location: json<StoredLocation>('location'),
    status: json<StoredStatus>('status'),
    push: json<StoredPush>('push'),
    /** Tells equal push tokens apart from others without showing them: a token belongs to one node. */
    pushDigest: text('push_digest')
  },
  (table) => [index('nodes_seen').on(table.seenAt, table.id), uniqueIndex('nodes_push').on(table.pushDigest)]
)

// What analytics are made of. It is written in the transactions that write the messages, and is at any time what could be counted
// in them. Messages are those of users and assistants; days are UTC, since 1970-01-01.

export const days = sqliteTable('days', {
  day: integer('day').primaryKey(),
  /** With a message that day. */
  sessions: integer('sessions').notNull(),
  messages: integer('messages').notNull()
})

/** The days on which a session has messages. How many it has since any day is one row away, however long ago that is. */
export const sessionDays = sqliteTable(
  'session_days',
  {
    sessionId: sessionId(),
    day: integer('day').notNull(),
    /** The session's messages of earlier days. */
    before: integer('before').notNull()
  },
  (table) => [
    primaryKey({ columns: [table.sessionId, table.day] }),
    // Has all three: who counts a session's messages need not read the row.
    index('session_days_before').on(table.sessionId, table.day, table.before)
  ]
)

/** How often a name came up that day. Of a day that is over only the most frequent ones are kept. */
export const tallies = sqliteTable(
  'tallies',
  {
    kind: text('kind', { enum: TALLY_KINDS }).notNull(),
    day: integer('day').notNull(),
    name: text('name').notNull(),
    count: integer('count').notNull()
  },
  (table) => [
    primaryKey({ columns: [table.kind, table.day, table.name] }),
    // Empty but for a moment: what is taken off again is found here.
    index('tallies_spent').on(table.count).where(sql`${table.count} <= 0`)
  ]
)

/** What a model has in view of a session beside its messages. It ends with the conversation. */
export const contexts = sqliteTable('contexts', {
  sessionId: sessionId().primaryKey(),
  /** An estimate of everything that a model is shown, up to the message `countedTo`. */
  tokens: integer('tokens').notNull(),
  /** The id of a message, or 0. */
  countedTo: integer('counted_to').notNull(),
  /** Tokens that the model could look at for which this was counted. */
  contextWindow: integer('context_window').notNull(),
  /** What stands for the messages before `sessions.historyFrom`; null: nothing was left out. */
  summary: text('summary')
})

/** What is still to be said on channels, in each conversation in the order of the ids. What was delivered, or given up, is gone. */
export const outbox = sqliteTable(
  'outbox',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    channel: text('channel').notNull(),
    conversation: text('conversation').notNull(),
    context: json<unknown>('context'),
    text: text('text').notNull(),
    createdAt: integer('created_at').notNull(),
    /** Not to be tried before. */
    dueAt: integer('due_at').notNull(),
    attempts: integer('attempts').notNull().default(0),
    /** How many of its parts are delivered: an answer may be longer than one message of the channel. */
    sent: integer('sent').notNull().default(0)
  },
  (table) => [index('outbox_conversation').on(table.channel, table.conversation, table.id), index('outbox_due').on(table.dueAt)]
)

/** How far something outside the gateway has been read. */
export const cursors = sqliteTable('cursors', {
  name: text('name').primaryKey(),
  value: text('value').notNull()
})

/** Browsers that want to be told when nobody looks at the page. */
export const pushSubscriptions = sqliteTable(
  'push_subscriptions',
  {
    /** A digest of the endpoint. */
    id: text('id').primaryKey(),
    /** The id of the caller who registered it last. */
    owner: text('owner').notNull(),
    /** Whoever knows it can send there. */
    endpoint: text('endpoint').notNull(),
    p256dh: text('p256dh').notNull(),
    auth: text('auth').notNull(),
    label: text('label'),
    updatedAt: integer('updated_at').notNull(),
    /** How often it was registered. */
    revision: integer('revision').notNull().default(1)
  },
  (table) => [index('push_subscriptions_owner').on(table.owner)]
)
