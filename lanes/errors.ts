/** What each code says. Written for people: it may be shown to whoever sent the work. */
const MESSAGES = {
  cancelled: 'Cancelled before it could finish',
  timeout: 'Took longer than a run may take and was stopped',
  shutdown: 'Not accepted or not finished: the lanes are closing',
  full: 'Not accepted: too much is waiting in this lane already'
} as const

/** Why the lane, and not the work itself, ended an item. `full` and an `enqueue` after `close` are thrown, the rest reject the ticket. */
export type LaneErrorCode = keyof typeof MESSAGES

export interface LaneErrorOptions extends ErrorOptions {
  readonly abandoned?: boolean
}

/** The lane's own verdict on an item. What a run threw after it was aborted is only its `cause`. */
export class LaneError extends Error {
  override readonly name = 'LaneError'
  readonly code: LaneErrorCode
  readonly laneId: string
  /** The run ignored its signal: it may still be doing something, but nobody listens to it. Worth a line in the log. */
  readonly abandoned: boolean

  constructor(code: LaneErrorCode, laneId: string, { abandoned = false, ...options }: LaneErrorOptions = {}) {
    super(MESSAGES[code], options)
    this.code = code
    this.laneId = laneId
    this.abandoned = abandoned
  }
}
