import type { SessionConfig } from './sessions.ts'

export interface ContextRow {
  /** Estimated tokens of everything that a model sees, up to the message `countedTo`. */
  readonly tokens: number
  /** Id of a message, or 0. */
  readonly countedTo: number
  /** Context window, in tokens, of the model for which this was counted. */
  readonly contextWindow: number
  /** Summary of the messages before `sessions.historyFrom`; null: nothing was left out. */
  readonly summary: string | null
}

/** Tokens of a conversation shown to a model, and the context window of that model. */
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

/** Replacement of the first messages of a conversation by a summary. */
export interface Compaction extends Checkpoint, ContextCount {
  /** Number of messages of users and assistants to replace, from the beginning of the history. */
  readonly messages: number
  /** Summary of these messages and of those that earlier summaries replaced. */
  readonly summary: string
}

/** Size of the models' contexts, as estimated, and the summaries that replace old messages. */
export interface ContextStore {
  /** Settings of a session and the context of its model; undefined: no such session. */
  get(sessionId: string): Promise<{ config: SessionConfig; context: ContextRow | null } | undefined>
  /** Sessions with a counted context, latest message first. */
  list(limit: number): Promise<{ sessionId: string; config: SessionConfig; tokens: number }[]>
  /** Records the tokens of the conversation up to its newest message. The session has to exist. */
  count(context: ContextCount): Promise<void>
  /** Begins the context of a session with the summary of another one. */
  adopt(sessionId: string, summary: string): Promise<void>
  /** Keeps a summary in the memory. */
  checkpoint(checkpoint: Checkpoint): Promise<void>
  /**
   * Keeps a summary in the memory and replaces the first messages of the conversation by it, in one transaction. These messages can
   * still be listed but are no longer part of the history.
   */
  compact(compaction: Compaction): Promise<void>
}
