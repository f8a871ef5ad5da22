import type { QueueMode, QueuePolicy } from './message.ts'

/** Message of each code, written for the sender. */
const MESSAGES = {
  cancelled: 'Cancelled before it could finish',
  timeout: 'Took longer than a run may take and was stopped',
  shutdown: 'Not accepted or not finished: the lanes are closing',
  overflow: 'Dropped: too much was waiting',
  superseded: 'Dropped: a newer message took its place',
  unsaved: 'What happened to it could not be stored'
} as const

/** Reason of the lane, and not of the run, to end a message. */
export type LaneErrorCode = keyof typeof MESSAGES

/** Cause of an end that the lane decides on. `reason`: explanation given by the requester. */
export interface LaneCause {
  readonly code: LaneErrorCode
  readonly reason?: string | undefined
}

/**
 * Place of a message when the lane ended it. `refused`: it was never accepted. `waiting`: it was accepted, and no turn had begun with it or
 * ended with it. `running`: it was part of a turn, and its run may have had effects.
 */
export type LaneStage = 'refused' | 'waiting' | 'running'

export interface LaneErrorOptions extends ErrorOptions {
  readonly stage: LaneStage
  readonly droppedCount?: number
  readonly abandoned?: boolean
  readonly reason?: string | undefined
}

/** The lane's own verdict on a message. What a run threw after it was aborted is only its `cause`. */
export class LaneError extends Error {
  override readonly name = 'LaneError'
  readonly code: LaneErrorCode
  readonly laneId: string
  readonly stage: LaneStage
  /** Those of the message itself. */
  readonly mode: QueueMode
  readonly overflow: QueuePolicy['overflow']
  /** Messages that overflow dropped in this lane since its last turn began, this one included if it is one of them. */
  readonly droppedCount: number
  /** True if the run ignored its signal. It may still do something, but its output is dropped. Worth a log line. */
  readonly abandoned: boolean
  /** Explanation that came with a cancel. */
  readonly reason: string | undefined

  constructor(
    code: LaneErrorCode,
    laneId: string,
    { mode, overflow }: Pick<QueuePolicy, 'mode' | 'overflow'>,
    { stage, droppedCount = 0, abandoned = false, reason, ...options }: LaneErrorOptions
  ) {
    super(MESSAGES[code], options)
    this.code = code
    this.laneId = laneId
    this.stage = stage
    this.mode = mode
    this.overflow = overflow
    this.droppedCount = droppedCount
    this.abandoned = abandoned
    this.reason = reason
  }
}
