import type { ConnectionState } from '../connection.ts'
import type { GatewayMethods, RunEvents } from '../methods.ts'
import type { ChatTurn, TurnFile } from './turn.ts'

type Queue = GatewayMethods['queue.get']['result']

/**
 * A message that waits.
 *
 * `unsent`: never tried, there is no connection. `sent`: on its way to the queue. `uncertain`: the connection broke on the way; it is sent again with the
 * same key. `queued`: in the queue of the gateway.
 */
export interface WaitingMessage {
  /** Handle for `takeBack`, `edit` and `sendNow`. */
  readonly key: string
  readonly state: 'unsent' | 'sent' | 'uncertain' | 'queued'
  readonly text: string
  /** Only the beginning of the text is known: another client sent it. */
  readonly partial: boolean
  /** This client sent it. */
  readonly own: boolean
  readonly files: readonly TurnFile[]
  /** Messages and runs that come first; 0 for one that is not in the queue. */
  readonly position: number
}

/** A tool call that waits for a person. */
export interface PendingConfirmation {
  /** Handle for `confirm`. */
  readonly callId: string
  /** Key of the turn that has the call. */
  readonly turn: string
  readonly tool: string
  /** Exactly what the tool would get. */
  readonly args: Readonly<Record<string, unknown>>
  /** When the call counts as refused, epoch milliseconds of the gateway's clock. */
  readonly expiresAt: number
}

/** State of the lane: what it does with a message that arrives while the agent is busy. */
export type LaneView = Pick<Queue, 'state' | 'paused' | 'policy' | 'origin'>

export interface HistoryState {
  /** The newest page was read. */
  readonly loaded: boolean
  /** `loadOlder` would bring older turns. */
  readonly older: boolean
  readonly loading: boolean
  /** More turns than these are not kept: `loadOlder` does nothing. */
  readonly full: boolean
}

/** One session as a page shows it. Immutable; parts that did not change are the same objects as before. */
export interface SessionSnapshot {
  readonly sessionId: string
  readonly connection: ConnectionState
  /** Oldest first. */
  readonly turns: readonly ChatTurn[]
  /** In the order in which they will be sent and taken. */
  readonly waiting: readonly WaitingMessage[]
  readonly confirmations: readonly PendingConfirmation[]
  /** This client may answer confirmations. */
  readonly canConfirm: boolean
  /** The agent is at work, or a message is on its way to it. */
  readonly busy: boolean
  /** Undefined until the queue was read, and for a session that does not exist yet. */
  readonly lane: LaneView | undefined
  /** The newest warning that the context is nearly full or was compacted. */
  readonly context: RunEvents['context_warning'] | undefined
  readonly history: HistoryState
  /** Text in the input field, kept in the store of the client. */
  readonly draft: string
  /** Reason why the session could not be loaded or followed. */
  readonly error: { readonly code?: number; readonly message: string } | undefined
}
