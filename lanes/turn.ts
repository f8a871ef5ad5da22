import type { LaneMessage } from './message.ts'

/** One turn of a lane, as the run sees it. */
export interface Turn<P> {
  /** That of its first message, where no earlier turn ever began with it or took it; otherwise a new UUID. Unique over restarts too. */
  readonly id: string
  readonly laneId: string
  /** Rises with every turn; no two turns of one `Lanes` have the same. */
  readonly epoch: number
  /** Aborted on cancel, interrupt, timeout and shutdown, always with a DOMException `AbortError`: what some SDKs make of other reasons is not an abort. */
  readonly signal: AbortSignal
  /** False once the lane has let go of this turn: whatever the run still says must be dropped. True while it is being stopped. */
  readonly live: boolean
  /** What the turn is about, oldest first; more than one only when they were collected, and then of one owner. */
  readonly messages: readonly LaneMessage<P>[]
  /** What overflow has dropped of the same owner's since the last turn that was told, where a policy asked for it: the newest 20, oldest first. */
  readonly dropped: readonly LaneMessage<P>[]
  /** The message was steered into an earlier turn and is now answered for itself. */
  readonly backlog: boolean
  /**
   * What was steered into this turn since the last call. To be called before each model call and tool launch, and what it answers to be
   * seen by the model: these messages end as the run does. What is left when the run ends becomes a turn of its own. They are this turn's
   * from the call on, and answered once that is durable, so that a crash does not show them to a second run. Rejects with a `LaneError`
   * `unsaved` where it cannot be made durable; the run has to fail then.
   */
  takeSteered(): Promise<LaneMessage<P>[]>
  /**
   * Gives the slot back while a person is waited for. The run timeout stands still meanwhile; `wait` needs an end of its own. Goes on
   * once it has a slot again, with what `wait` answered or threw; where several overlap, once all are over. Throws an `AbortError` as soon
   * as the turn is stopped.
   */
  pause<T>(wait: () => T | PromiseLike<T>): Promise<T>
}
