import type { LaneMessage } from './message.ts'

/** One turn of a lane, as the run sees it. */
export interface Turn<P> {
  /** Id of its first message, unless an earlier turn began with it or took it; then a new UUID. Unique over restarts too. */
  readonly id: string
  readonly laneId: string
  /** Rises with every turn; no two turns of one `Lanes` have the same. */
  readonly epoch: number
  /** Aborted on cancel, interrupt, timeout and shutdown, always with a DOMException `AbortError`: what some SDKs make of other reasons is not an abort. */
  readonly signal: AbortSignal
  /** False once the lane has released this turn: later output of the run must be dropped. True while it is being stopped. */
  readonly live: boolean
  /** Messages of the turn, oldest first. More than one only for collected messages, which have one owner. */
  readonly messages: readonly LaneMessage<P>[]
  /** Messages of the same owner that overflow dropped since the last turn that got such a list, if a policy asks for it: the newest 20, oldest first. */
  readonly dropped: readonly LaneMessage<P>[]
  /** True if the message was steered into an earlier turn and is now answered alone. */
  readonly backlog: boolean
  /**
   * Messages steered into this turn since the last call. Call it before each model call and tool launch, and show the messages to the model:
   * they end as the run does. Messages left when the run ends become turns of their own. Returned messages belong to this turn, and they are
   * returned once that is stored, so that a crash does not show them to a second run. Rejects with a `LaneError` `unsaved` where it
   * cannot be stored; the run has to fail then.
   */
  takeSteered(): Promise<LaneMessage<P>[]>
  /**
   * Releases the slot while `wait` waits for a person. The run timeout stands still; `wait` needs an end of its own. Continues with a slot,
   * and with what `wait` returned or threw; where several pauses overlap, once all are over. Throws an `AbortError` as soon as the turn is
   * stopped.
   */
  pause<T>(wait: () => T | PromiseLike<T>): Promise<T>
}
