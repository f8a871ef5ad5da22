import type { LaneCause } from './errors.ts'
import type { LaneMessage, Outcome, Ticket } from './message.ts'

/** A promise with its two functions: `PromiseWithResolvers`, which needs a newer library of types than programs that embed the gateway may use. */
interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T | PromiseLike<T>) => void
  readonly reject: (reason?: unknown) => void
}

/** A message that has no outcome yet. */
export interface Item<P, R> {
  readonly message: LaneMessage<P>
  /** Settled when the message is durable and in its lane, or refused. */
  readonly ticket: Deferred<Ticket<R>>
  readonly outcome: Deferred<Outcome<R>>
  /** A turn of an earlier process began with it or took it. */
  readonly claimed: boolean
  /** Answer of the driver so far. */
  accepted: 'pending' | 'yes' | { readonly error: unknown }
  /** Why it was ended before it was durable. */
  cause: LaneCause | undefined
  /** Offered to the active turn, which has not taken it yet. */
  steering: boolean
  /** A turn has taken it, and it waits for its second one. */
  backlog: boolean
  /** It should have been steered, and no turn took it. */
  fallback: boolean
}

export function newItem<P, R>(message: LaneMessage<P>, claimed = false): Item<P, R> {
  return {
    message,
    ticket: Promise.withResolvers(),
    outcome: Promise.withResolvers(),
    claimed,
    accepted: 'pending',
    cause: undefined,
    steering: false,
    backlog: false,
    fallback: false
  }
}
