import type { RecoveredMessage } from './driver.ts'
import type { LaneMessage } from './message.ts'
import { makeRoom, type WaitingMessage } from './overflow.ts'

/**
 * Decisions of a lane without its machinery: pure functions over a snapshot. They know no timers, promises or runs, and change nothing.
 */

/** State of a lane; see `Lane`. */
export type LaneState = 'idle' | 'held' | 'quiet' | 'ready' | 'running' | 'paused' | 'resuming' | 'stopping'

/** Snapshot of a lane that decisions depend on. Times are epoch milliseconds. */
export interface Situation<W extends WaitingMessage = WaitingMessage> {
  readonly state: LaneState
  /** Owner of the active turn; undefined without one. */
  readonly activeOwner: string | undefined
  /** True if the active turn is a chore, which nothing stops. */
  readonly activePinned: boolean
  /** In the order in which it is to run: people's messages first, each part in the order of arrival. */
  readonly queued: readonly W[]
  readonly now: number
  /** Time of the last message of any sender. */
  readonly lastArrivalAt: number
  /** Time at which the last turn ended. */
  readonly freeSince: number
}

/** Decision about a message that arrived. */
export type Admission<W extends WaitingMessage = WaitingMessage> =
  | { readonly act: 'reject' }
  | {
      /** Let it wait, offer it to the running turn too, or let it wait and stop the running turn. */
      readonly act: 'queue' | 'steer' | 'interrupt'
      /** Messages to remove for it. */
      readonly drop: readonly W[]
      readonly because: 'overflow' | 'superseded'
      /** True if it should have been steered and cannot be. */
      readonly fallback: boolean
    }

/** Limit on the delay of a turn by a sender who keeps typing, in quiet windows. */
export const MAX_WINDOWS = 10

/** States of a turn that still takes messages. */
const TAKES: ReadonlySet<LaneState> = new Set(['running', 'paused', 'resuming'])

export function admit<W extends WaitingMessage>(lane: Situation<W>, message: LaneMessage<unknown>): Admission<W> {
  const { state, queued } = lane
  const { mode } = message.policy
  if (mode === 'interrupt') {
    const drop = queued.filter(({ message }) => message.pinned !== true)
    return { act: TAKES.has(state) && !lane.activePinned ? 'interrupt' : 'queue', drop, because: 'superseded', fallback: false }
  }
  // The cap does not apply: it does not wait, it starts.
  if (state === 'idle') return { act: 'queue', drop: [], because: 'overflow', fallback: false }
  const drop = makeRoom(queued, message)
  if (drop === undefined) return { act: 'reject' }
  const steers = isSteer(message) && takes(lane, message.owner) && !overtakes(queued, message, drop)
  const fallback = isSteer(message) && !steers
  return { act: steers ? 'steer' : 'queue', drop, because: 'overflow', fallback }
}

/** Messages that form the next turn of a lane with waiting messages, or the time until which the lane has to be quiet first. */
export function nextTurn<W extends WaitingMessage>(lane: Situation<W>): { messages: W[] } | { until: number } {
  const head = lane.queued[0]!
  if (head.message.policy.mode !== 'collect') return { messages: [head] }
  const group = collected(lane.queued, head)
  // The newest of them knows best how fast its sender is.
  const { debounceMs } = group.at(-1)!.message.policy
  const longest = MAX_WINDOWS * debounceMs
  // The last term bounds the wait whatever the clock does.
  const until = Math.min(lane.lastArrivalAt + debounceMs, lane.freeSince + longest, lane.now + longest)
  // A lane that is ready has waited for quiet already, or was idle.
  return lane.state === 'ready' || until <= lane.now ? { messages: group } : { until }
}

/**
 * Messages that form one turn with `head`: everything that its owner allows the lane to collect. It passes by messages of others, but not by
 * another message of the same owner, which would then be answered after a later one.
 */
function collected<W extends WaitingMessage>(queued: readonly W[], { message: { owner, priority } }: W): W[] {
  const own = queued.filter(({ message }) => message.owner === owner && message.priority === priority)
  const end = own.findIndex(({ message }) => message.policy.mode !== 'collect')
  return end === -1 ? own : own.slice(0, end)
}

/** Policy for a turn that the end of the process cut off: run it again, or give it up. */
export type Recovery = 'retry' | 'abandon'

/** Limit on claims of one message: a message that ends the process each time must not do so for ever. */
export const MAX_ATTEMPTS = 3

/** Decides about a message that a crash left without an end. Its run may have had effects, so running it again is a choice. */
export function afterCrash(
  { state, attempts }: Pick<RecoveredMessage<unknown>, 'state' | 'attempts'>,
  recovery: Recovery
): 'queue' | 'interrupted' | 'failed' {
  if (state === 'queued') return 'queue'
  if (recovery === 'abandon') return 'interrupted'
  return attempts < MAX_ATTEMPTS ? 'queue' : 'failed'
}

/** True if the active turn takes messages of `owner`. A run acts with the rights of the owner it runs for. */
function takes({ state, activeOwner }: Situation, owner: string): boolean {
  return TAKES.has(state) && activeOwner === owner
}

function isSteer({ policy: { mode } }: LaneMessage<unknown>): boolean {
  return mode === 'steer' || mode === 'steer_backlog'
}

/** True if an unseen steer of the same owner would be answered after this one. */
function overtakes<W extends WaitingMessage>(queued: readonly W[], { owner }: LaneMessage<unknown>, drop: readonly W[]): boolean {
  const missed = ({ message, steering, backlog }: W): boolean => {
    return isSteer(message) && message.owner === owner && !steering && !backlog
  }
  return queued.some((other) => missed(other) && !drop.includes(other))
}
