import type { GatewayMethods } from '../../rpc/client/methods.ts'
import type { ChatTurn } from '../../rpc/client/model/turn.ts'

/** One run with its steps. */
export type RunDetail = GatewayMethods['runs.get']['result']

/** Everything that a turn lets a person do, and what it asks the page for. A new object draws all turns anew. */
export interface TurnActions {
  /** The credential may send messages. Without it a turn offers only to copy. */
  readonly canSend: boolean
  /** The credential may answer confirmations. */
  readonly canConfirm: boolean
  /** Name of the person who writes in this session: "You", or a user of another frontend. */
  readonly sender: string
  /** The time now by the gateway's clock, epoch milliseconds. */
  now(): number
  /** Allows or refuses a tool call; `callId` is that of its confirmation. Rejects when it does not wait any more. */
  confirm(callId: string, approve: boolean, reason?: string): Promise<void>
  /** Sends a failed message again, by its key. */
  retry(key: string): void
  /** Removes a failed or uncertain message, by its key. */
  discard(key: string): void
  /** Sends `text` in place of the message of the turn. */
  edit(turn: ChatTurn, text: string): void
  /** Goes on from this turn in a session of its own. */
  fork(turn: ChatTurn): void
  /** Asks for another answer to the message of the turn. */
  regenerate(turn: ChatTurn): void
  /** Bytes of a stored file. */
  file(id: string): Promise<Blob>
  /** The run with the times of its steps. Rejects when the gateway does not know it any more. */
  run(runId: string): Promise<RunDetail>
}
