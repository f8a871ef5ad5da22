/** Decides about a message that arrives while its lane is busy. On an idle lane every mode starts a turn at once. */
export type QueueMode = 'collect' | 'followup' | 'steer' | 'steer_backlog' | 'interrupt'

/** Resolved by the layers above for each message, and carried by it: a change of policy never affects waiting messages. */
export interface QueuePolicy {
  readonly mode: QueueMode
  /** Limit on waiting messages in the lane. */
  readonly cap: number
  /** Message to drop when `cap` messages wait. */
  readonly overflow: 'drop_old' | 'drop_new'
  /** Milliseconds without a message before collected messages become a turn. */
  readonly debounceMs: number
  /** Adds a note about dropped messages to the next turn. */
  readonly summarizeOverflow: boolean
}

/** One message on its way through a lane. It is data, because it may have to outlive the process. */
export interface LaneMessage<P> {
  /** Unique over all lanes and restarts: a UUID. */
  readonly id: string
  /** Id of the sender. It limits collecting, steering and cancelling. */
  readonly owner: string
  /** Messages of people go before those of machines. */
  readonly priority: 'person' | 'system'
  readonly policy: QueuePolicy
  /**
   * A short chore that has to be done in the lane's turn, such as the removal of a session: it is never dropped, superseded, cancelled
   * or stopped, does not count towards the cap, and needs no slot.
   */
  readonly pinned?: boolean
  /** Small part that stays in memory while the message waits. The large part goes to the driver, as its body. */
  readonly payload: P
  /** Epoch milliseconds. */
  readonly acceptedAt: number
}

/** End of a message whose run succeeded. */
export interface Outcome<R> {
  /** Return value of the run. */
  readonly value: R
  /** Answered by a turn of its own, by one shared with others of its owner, or by the turn it was steered into. */
  readonly how: 'completed' | 'collected' | 'steered'
  /** Number of messages that formed the turn. Only for collected messages. */
  readonly collected?: number
  /** A running turn took it, and this is the outcome of its second turn, which answers it alone. */
  readonly backlog?: true
  /** It was to be steered, no turn took it, and so it became a turn of its own. */
  readonly fallback?: 'followup'
}

export interface Ticket<R> {
  /**
   * Number of messages of this lane that come first, the running turn included. 0: it runs now, or was handed to the running turn.
   * Undefined: it does not wait, because it has ended.
   */
  readonly position: number | undefined
  /** The outcome, what the run threw, or a `LaneError`; settles exactly once, whatever the run does. May be left unwatched. */
  readonly settled: Promise<Outcome<R>>
}
