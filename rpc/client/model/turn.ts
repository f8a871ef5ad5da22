import type { GatewayMethods, RunEvents } from '../methods.ts'

/** A message as it is stored in a session. */
export type HistoryEntry = GatewayMethods['sessions.get']['result']['history'][number]

/** Outcome of a run of the history. The gateway knows it for `retention.runs_days`. */
export type RunRecord = GatewayMethods['sessions.get']['result']['runs'][number]

/**
 * State of a turn.
 *
 *   sent ──first event──▶ working ──▶ done | stopped | failed | unanswered
 *    │ ▲                     │ ▲
 *    ▼ │                     ▼ │
 *  uncertain              stopping
 *
 * `uncertain`: the connection broke before the gateway confirmed the message; it is sent again with the same key. `unanswered`: the answer
 * was never finished, or its end is unknown.
 */
export type TurnState = 'sent' | 'uncertain' | 'working' | 'stopping' | 'done' | 'stopped' | 'failed' | 'unanswered'

/** Reason why a turn has no complete answer. */
export interface TurnError {
  /** Code of the protocol. Absent when the message never left, and in some turns of the history. */
  readonly code?: number
  readonly message: string
  /** `overflow`, `superseded`, `cancelled` or `shutdown`: the lane ended the message. `offline`: the connection was closed or refused first. */
  readonly cause?: 'overflow' | 'superseded' | 'cancelled' | 'shutdown' | 'offline'
}

/** A message that was sent with a file, or a file of an answer. */
export interface TurnFile {
  /** Of `GET /attachments/<id>`. Absent in a file that came with an event. */
  readonly id?: string
  readonly mimeType: string
  readonly filename?: string
  /** base64. Absent in a turn that comes from the history. */
  readonly data?: string
  /** Size of the file; 0 for an upload of this client that the history did not name yet. */
  readonly bytes: number
}

/** A message that the run answers. One that was steered into the run stands in the middle of the answer. */
export interface MessagePart {
  readonly kind: 'message'
  readonly text: string
  readonly files: readonly TurnFile[]
  /** Handle for `retry` and `discard`, when this client sent the message. */
  readonly key?: string
  /** Only the beginning of the text is known so far. */
  readonly partial: boolean
}

/** Text of the agent between two other parts. */
export interface TextPart {
  readonly kind: 'text'
  readonly text: string
}

/** Thoughts of the model before its answer. */
export interface ReasoningPart {
  readonly kind: 'reasoning'
  /** Number of the model call in its run. Absent in a turn that comes from the history. */
  readonly step?: number
  readonly text: string
}

/** A tool call. */
export interface CallPart {
  readonly kind: 'call'
  readonly callId: string
  readonly tool: string
  readonly args: Readonly<Record<string, unknown>>
  /** `asking`: a person has to confirm it. `unknown`: the run ended, or the history has it, without its result. */
  readonly state: 'running' | 'asking' | 'ok' | 'failed' | 'unknown'
  /** While it is `asking`: the handle for `confirm`, and when it counts as refused, epoch milliseconds of the gateway's clock. */
  readonly confirm?: NonNullable<RunEvents['tool_start']['confirm']>
  readonly result?: NonNullable<NonNullable<HistoryEntry['toolCalls']>[number]['result']>
}

/** A file of the answer. */
export interface FilePart extends TurnFile {
  readonly kind: 'file'
}

/** Words of the gateway beside the answer. */
export interface NoticePart {
  readonly kind: 'notice'
  readonly text: string
}

/** The context of the agent is nearly full, or was compacted. */
export interface ContextPart {
  readonly kind: 'context'
  readonly warning: RunEvents['context_warning']
}

/** Reply of the gateway to a command. */
export interface ReplyPart {
  readonly kind: 'reply'
  readonly text: string
  /** A new conversation begins here. */
  readonly begins: boolean
}

export type TurnPart = MessagePart | TextPart | ReasoningPart | CallPart | FilePart | NoticePart | ContextPart | ReplyPart

/** One or more messages and their answer. Immutable: a turn that did not change stays the same object, and so does a part. */
export interface ChatTurn {
  /** Stable name of the turn for as long as the model lives. */
  readonly key: string
  /** Absent until the run has begun, and of a command. */
  readonly runId?: string
  /** Time of its first message, epoch milliseconds: by the history, or by this device until the history has it. */
  readonly at: number
  /** Ids of its messages in the history, oldest first; empty until the history was read with it. */
  readonly messageIds: readonly number[]
  readonly state: TurnState
  /** In the order of the conversation: messages, text, calls, files. */
  readonly parts: readonly TurnPart[]
  readonly error?: TurnError
  readonly usage?: GatewayMethods['agent.send']['result']['usage']
  /** `length`: cut off at the token limit of the model. `empty`: the model gave no answer. */
  readonly stopReason?: 'length' | 'empty'
  /** False when a part of the answer is missing here. The history replaces the turn once it has ended. */
  readonly complete: boolean
}

/** States whose end is unknown or to come. */
export function isOpen(state: TurnState): boolean {
  return state === 'sent' || state === 'uncertain' || state === 'working' || state === 'stopping'
}
