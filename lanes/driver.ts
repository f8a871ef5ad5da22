import type { LaneMessage, Outcome } from './message.ts'

/** How a message ended, as it is to be remembered. `error` is a `LaneError` or whatever the run threw. */
export type LaneEnd<P, R> =
  | { readonly message: LaneMessage<P>; readonly outcome: Outcome<R> }
  | { readonly message: LaneMessage<P>; readonly error: unknown }

/** A message without an end, as it is found after a restart. */
export interface Recovered<P> {
  readonly laneId: string
  readonly message: LaneMessage<P>
  readonly state: 'queued' | 'running'
  /** How many times it was claimed. */
  readonly attempts: number
}

/**
 * Where messages are kept, so that none is lost with the process. A lane decides, a driver remembers.
 *
 * - Each call is one transaction: all of it or nothing, and durable once its promise resolves.
 * - Calls of one lane take effect in the order in which they were made. The lane does not wait for one before it makes the next,
 *   so a driver may commit many of them at once.
 * - Every promise settles. A call that fails has changed nothing.
 * - Messages that the driver does not know, or that have ended, are passed over.
 *
 * `test/contract/driver.ts` holds a driver to it.
 */
export interface LaneDriver<P, R> {
  /**
   * The message is there from now on. `body` is the part of it that no lane needs: the driver keeps it until the end, for whoever runs
   * the message. One whose id is there already, and has no end, is the first one again and changes nothing.
   */
  accept(laneId: string, message: LaneMessage<P>, body: unknown): Promise<void>
  /** These messages are being run by this turn: those it begins with, before the run is called, and later what was steered into it. */
  claim(laneId: string, messages: readonly LaneMessage<P>[], turnId: string): Promise<void>
  /**
   * These messages have ended. Comes before anybody is told. The first end of a message stands. With a `turnId` the turn is over, and
   * these are all that it began with or took; without one, they never ran.
   */
  settle(laneId: string, ends: readonly LaneEnd<P, R>[], turnId?: string): Promise<void>
  /** Everything that has no end, in each lane in the order of its acceptance. To be asked before any message is sent. */
  recover(): Promise<Recovered<P>[]>
}
