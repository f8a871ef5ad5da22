import type { QueueEnd, RunEnd } from '../../db/client.ts'
import type { LaneEnd } from '../../lanes/driver.ts'
import type { LaneMessage, Outcome } from '../../lanes/message.ts'
import type { Turn } from '../../lanes/turn.ts'
import type { Payload } from './driver.ts'

/** Answers messages, and decides how their ends are stored and reported. */
export interface TurnHandler {
  /** Answers the messages of one turn. */
  run(turn: Turn<Payload>): Promise<unknown>
  /** Rows to store for these ends, at least one, and for their run if they had one. */
  record(ends: readonly LaneEnd<Payload, unknown>[], runId: string | undefined): { ends: QueueEnd[]; run?: RunEnd }
  /** A message has ended and the end is stored, or it was released when the process ends. Called once for each message. */
  settled(
    laneId: string,
    message: LaneMessage<Payload>,
    end: { readonly outcome: Outcome<unknown> } | { readonly error: unknown }
  ): void
  /** The last process ended while it answered this message, which is not retried. The question must not be lost. */
  cutOff(laneId: string, message: LaneMessage<Payload>, run: { id: string; body: unknown }): Promise<void>
  /** Body of a waiting message with another text; undefined when nothing would be left of it. */
  edited(body: unknown, text: string): unknown
  /** `by` is about to stop the turn of `active`. */
  preempted(laneId: string, active: readonly LaneMessage<Payload>[], by: LaneMessage<Payload>): void
}
