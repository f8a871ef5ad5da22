/** What happens to a message that comes while its lane is busy; on an idle lane every mode starts a turn at once. */
export type QueueMode = 'collect' | 'followup' | 'steer' | 'steer_backlog' | 'interrupt'

/** Resolved by the layers above for each message, and carried by it: a change of policy never touches what waits already. */
export interface QueuePolicy {
  readonly mode: QueueMode
  /** How many messages may wait in the lane. */
  readonly cap: number
  /** Which one has to go when that many do. */
  readonly overflow: 'drop_old' | 'drop_new'
  /** How long a lane must have been quiet before what it collected becomes a turn. */
  readonly debounceMs: number
  /** Whether the next turn is told what overflow dropped. */
  readonly summarizeOverflow: boolean
}

/** One message on its way through a lane. It is data, because it may have to outlive the process. */
export interface LaneMessage<P> {
  /** Unique over all lanes and restarts: a UUID. */
  readonly id: string
  /** Who sent it: what is collected, which turn it may be steered into and what may be cancelled depends on it. */
  readonly owner: string
  /** What a person sent goes before what a machine did. */
  readonly priority: 'person' | 'system'
  readonly policy: QueuePolicy
  /**
   * A short chore that has to be done in the lane's turn, such as to remove what it is about: it is never dropped, superseded, cancelled
   * or stopped, takes no place of the cap, and needs no slot.
   */
  readonly pinned?: boolean
  /** The little that is kept in memory while the message waits; what is large goes to the driver, as its body. */
  readonly payload: P
  /** Epoch milliseconds. */
  readonly acceptedAt: number
}

/** How a message came to its end, when nothing went wrong. */
export interface Outcome<R> {
  /** What the run returned. */
  readonly value: R
  /** By a turn of its own, by one it shares with others of its owner, or by the turn it was steered into. */
  readonly how: 'completed' | 'collected' | 'steered'
  /** How many messages formed the turn; only when they were collected. */
  readonly collected?: number
  /** A turn took it while it was running, and this is its second, which answers it for itself. */
  readonly backlog?: true
  /** It was to be steered, no turn could take it, and so it became one. */
  readonly fallback?: 'followup'
}

export interface Ticket<R> {
  /**
   * How many messages of this lane come first, the running turn counting as one. 0: it is its turn, or it was handed to the running one.
   * Undefined: it does not wait, its end is there already.
   */
  readonly position: number | undefined
  /** The outcome, what the run threw, or a `LaneError`; settles exactly once, whatever the run does. May be left unwatched. */
  readonly settled: Promise<Outcome<R>>
}
