import type { LaneMessage, Outcome } from './message.ts'

/** End of a message, to be stored. `error` is a `LaneError` or what the run threw. */
export type LaneEnd<P, R> =
  | { readonly message: LaneMessage<P>; readonly outcome: Outcome<R> }
  | { readonly message: LaneMessage<P>; readonly error: unknown }

/** A message without an end, found after a restart. */
export interface RecoveredMessage<P> {
  readonly laneId: string
  readonly message: LaneMessage<P>
  readonly state: 'queued' | 'running'
  /** Number of claims. */
  readonly attempts: number
}

/**
 * Stores messages, so that none is lost with the process. A lane decides, a driver remembers.
 *
 * - Each call is one transaction: all of it or nothing, and durable once its promise resolves.
 * - Calls of one lane take effect in the order in which they were made. The lane does not wait for one before it makes the next,
 *   so a driver may commit many of them at once.
 * - Every promise settles. A call that fails has changed nothing.
 * - Messages that the driver does not know, or that have ended, are skipped.
 *
 * `test/contract/driver.ts` checks a driver against this.
 */
export interface LaneDriver<P, R> {
  /**
   * Stores a message. `body` is the part that no lane needs: the driver keeps it for the run until the end of the message. A message whose
   * id is known and that has no end is the first one again, and changes nothing.
   */
  accept(laneId: string, message: LaneMessage<P>, body: unknown): Promise<void>
  /** Stores that this turn runs these messages: those it begins with, before the run is called, and later those steered into it. */
  claim(laneId: string, messages: readonly LaneMessage<P>[], turnId: string): Promise<void>
  /**
   * Stores that these messages have ended, before their senders learn it. The first end of a message stands. With a `turnId` the turn is
   * over, and these are all messages that it began with or took. Without one they never ran.
   */
  settle(laneId: string, ends: readonly LaneEnd<P, R>[], turnId?: string): Promise<void>
  /** Messages without an end, in each lane in the order of acceptance. Call it before any message is sent. */
  recover(): Promise<RecoveredMessage<P>[]>
}
