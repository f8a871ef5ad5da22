import type { NewPost, StoredReply } from './outbox.ts'
import type { RunEnd } from './runs.ts'
import type { StoredPolicy } from './sessions.ts'

/** `superseded`: a newer message replaced it. `dropped`: the queue was full. */
export type QueueState = 'queued' | 'running' | 'completed' | 'failed' | 'cancelled' | 'superseded' | 'dropped' | 'interrupted'

/** A message, without its body. */
export interface QueueRow {
  readonly id: string
  readonly sessionId: string
  /** The run that the message is, or was, part of. */
  readonly runId: string | null
  /** Id of the caller that sent it. */
  readonly owner: string
  readonly priority: 'person' | 'system'
  readonly policy: StoredPolicy
  /** Beginning of its text. */
  readonly preview: string
  readonly state: QueueState
  /** Number of runs that began with it or took it. */
  readonly attempts: number
  readonly acceptedAt: number
  /** Null exactly while the state is `queued` or `running`. */
  readonly endedAt: number | null
  readonly idempotencyKey: string | null
  readonly reply: StoredReply | null
  /** Outcome sent to the caller. */
  readonly outcome: unknown
}

export interface NewQueueRow
  extends Pick<QueueRow, 'id' | 'sessionId' | 'owner' | 'priority' | 'policy' | 'preview' | 'acceptedAt'> {
  /** Content of the message. Any JSON. */
  readonly body: unknown
  /** A second message with this key in the same session from the same caller is a duplicate. */
  readonly idempotencyKey?: string | undefined
  /** Destination of its answer; absent: the waiting caller. */
  readonly reply?: StoredReply | undefined
}

export interface QueueClaim {
  readonly sessionId: string
  readonly runId: string
  readonly ids: readonly string[]
  readonly now: number
}

/** `outcome` is any JSON. */
export interface QueueEnd {
  readonly id: string
  readonly state: Exclude<QueueState, 'queued' | 'running'>
  readonly outcome: unknown
  /** Answer to deliver on the channel of the message. */
  readonly post?: NewPost | undefined
}

export interface QueueSettlement {
  readonly ends: readonly QueueEnd[]
  readonly run?: RunEnd | undefined
  readonly now: number
}

export interface QueueResolution {
  /** Ids of messages that wait again. */
  readonly requeue: readonly string[]
  readonly ends: readonly QueueEnd[]
  readonly now: number
}

/**
 * Messages from their acceptance to their end, which is final, and the runs that begin and end with them. Acceptances, claims and
 * settlements are committed in groups.
 */
export interface QueueStore {
  /**
   * Stores a message, and its session unless that exists. `duplicateOf`: the session already has a message with this key or this id;
   * nothing was stored.
   * @throws Error when another session has a message with this id
   */
  accept(row: NewQueueRow): Promise<{ duplicateOf?: string }>
  /**
   * Begins a run with these messages, or adds them to it: those without an end become `running`. Creates the session again if it was
   * deleted since, and the run, owned by the first message's owner, unless it exists.
   */
  claim(claim: QueueClaim): Promise<void>
  /** Ends messages, and their run if given, each once. A message that has an end keeps it, and nothing more is posted for it. */
  settle(settlement: QueueSettlement): Promise<void>
  get(id: string): Promise<QueueRow | undefined>
  /** The first message of a run. */
  byRun(runId: string): Promise<QueueRow | undefined>
  /** The newest message of a session. */
  latest(sessionId: string): Promise<QueueRow | undefined>
  /** Bodies of messages without an end, by id. */
  bodies(ids: readonly string[]): Promise<Map<string, unknown>>
  /** Replaces the content of a message in the state `queued`. Returns false when it has another state. */
  edit(id: string, content: { readonly preview: string; readonly body: unknown }): Promise<boolean>
  /** Messages that wait or run, in the order of acceptance. */
  unended(): Promise<QueueRow[]>
  /**
   * Settles at a start what the last process left running: applies the decisions about its messages, and marks its runs and the newest
   * message of each (an answer, or an unanswered question) as interrupted, in one transaction.
   */
  resolve(resolution: QueueResolution): Promise<void>
  /** Deletes some messages that ended before `before`, few enough not to hold the event loop. Returns their number; 0: none is left. */
  purge(before: number): Promise<number>
}
