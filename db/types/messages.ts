/** A file that came with a message. `data` is base64 here and bytes in the database. */
export interface StoredAttachment {
  readonly mimeType: string
  readonly data: string
  readonly filename?: string
}

/** A tool call of an assistant. */
export interface StoredToolCall {
  readonly callId: string
  readonly tool: string
  readonly args: Record<string, unknown>
  /** Reason why the arguments could not be read; `args` is then empty. */
  readonly invalid?: string
}

/** Content of a message beside its text and its attachments. */
export interface MessageParts {
  /** Of an assistant. Each call is answered by a `tool` message with the same `callId`. */
  readonly toolCalls?: readonly StoredToolCall[]
  /** Of an assistant: thoughts of the model. They are shown, and never sent to a model again. */
  readonly reasoning?: string
  /** Of a tool: the call that it answers, and the name of the tool. */
  readonly callId?: string
  readonly tool?: string
  /** Of a tool: its text describes an error. */
  readonly failed?: boolean
  /** Of a user: its run failed before any answer, `refused` because the provider did not take what was sent. */
  readonly unanswered?: 'refused' | 'failed'
}

/**
 * `partial`: still being written, or cut off by a failure or a cancel. `interrupted`: cut off by the end of the process.
 * On a question it means that the turn was cut off before any answer.
 */
export type MessageStatus = 'complete' | 'partial' | 'interrupted'

interface Row {
  /** Rises through a conversation and is never used twice, so that clients can keep it as a cursor. */
  readonly id: number
  readonly sessionId: string
  readonly runId: string
  readonly role: 'user' | 'assistant' | 'tool'
  readonly content: string
  readonly parts: MessageParts | null
  readonly status: MessageStatus
  readonly createdAt: number
}

/** A message with its attachments. */
export type MessageRow = Row & { readonly attachments: readonly StoredAttachment[] }

/** A message for display: attachments without their data. `id` is that of `GET /attachments/<id>`, `bytes` the size of the data. */
export type ShownMessage = Row & {
  readonly attachments: readonly (Omit<StoredAttachment, 'data'> & { readonly id: string; readonly bytes: number })[]
}

/** Tokens of the model call that an answer came from. */
export interface MessageUsage {
  readonly inputTokens: number
  readonly outputTokens: number
}

export type NewMessage = Omit<Row, 'id' | 'parts' | 'status'> &
  Partial<Pick<MessageRow, 'parts' | 'status' | 'attachments'>> & { readonly usage?: MessageUsage | undefined }

export interface MessageQuery {
  /** Limit on the messages of users and assistants. */
  readonly limit: number
  /** Limit on the stored bytes of text, contents and parts together. The newest message is always returned. */
  readonly bytes: number
  /** Id of a message: only older ones are returned. */
  readonly before?: number | undefined
}

/** Page that begins at a message. */
export interface ForwardQuery extends Omit<MessageQuery, 'before'> {
  /** Id of a message: it and newer ones are returned. */
  readonly from: number
}

/** Place of a file: its message, and its number there. */
export interface FilePlace {
  readonly messageId: number
  readonly position: number
}

export interface RecentMessages {
  readonly messages: readonly MessageRow[]
  /** Number of messages of users and assistants of the conversation before these. */
  readonly omitted: number
}

/** Messages of sessions, in order. The counts of analytics are written with them. */
export interface MessageStore {
  /**
   * Adds a message with its attachments to an existing session and counts it, in one transaction. Returns its id. The first message of a
   * user gives the session its title.
   */
  append(message: NewMessage): Promise<number>
  /** Replaces the content of an answer that is still being written. */
  update(message: Pick<MessageRow, 'id' | 'content' | 'parts' | 'status'> & Pick<NewMessage, 'usage'>): Promise<void>
  /** Adds files to a message behind those that it has. */
  attach(messageId: number, files: readonly StoredAttachment[]): Promise<void>
  /** A file of a message, without its data. */
  file(place: FilePlace): Promise<{ mimeType: string; filename: string | null; bytes: number } | undefined>
  /** Part of the data of a file. */
  part(part: FilePlace & { readonly start: number; readonly length: number }): Promise<Buffer | undefined>
  /** Marks the newest message of a run, an answer or the question, as `partial`, and a question as `unanswered` in that way. */
  cut(sessionId: string, runId: string, unanswered?: MessageParts['unanswered']): Promise<void>
  /**
   * The newest messages of users and assistants, oldest first, each assistant's with the results of its tool calls. Empty only if no
   * message is left. `before` is the id of the oldest message of the page after this one.
   */
  page(sessionId: string, query: MessageQuery): Promise<ShownMessage[]>
  /** The same from a message on, so that its first message is the oldest one. Results of tools before it are left out. */
  pageFrom(sessionId: string, query: ForwardQuery): Promise<ShownMessage[]>
  /** Ids of the oldest and the newest message of users and assistants; undefined: there is none. */
  ends(sessionId: string): Promise<{ readonly first: number; readonly last: number } | undefined>
  /** The current conversation in full, in order, for a model. Leaves out messages from before `sessions.renew`. */
  history(sessionId: string): Promise<MessageRow[]>
  /**
   * The end of the current conversation within the limits of `query`, in order: it begins with a message of a user or an assistant, and
   * has the results of its tool calls. Reads only the rows that it returns, so that a long conversation costs no more than a short one.
   */
  recent(sessionId: string, query: Omit<MessageQuery, 'before'>): Promise<RecentMessages>
  /**
   * Deletes some of the oldest messages if they are older than `before`, with their attachments and their counts. Returns their number;
   * 0: none is left. Sessions and their summaries stay.
   */
  purge(before: number): Promise<number>
}
