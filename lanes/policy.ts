import type { Recovered } from './driver.ts'
import type { LaneMessage } from './message.ts'
import { makeRoom, type Waiting } from './overflow.ts'

/**
 * The decisions of a lane, apart from its machinery: pure functions over what is there at a moment. They know no timers, promises
 * or runs, and change nothing.
 */

/** What a lane is doing; `Lane` says what each means. */
export type LaneState = 'idle' | 'quiet' | 'ready' | 'running' | 'paused' | 'resuming' | 'stopping'

/** As much of a lane as a decision depends on. Times are epoch milliseconds. */
export interface Situation<W extends Waiting = Waiting> {
  readonly state: LaneState
  /** Whose messages the active turn has; undefined where none is active. */
  readonly activeOwner: string | undefined
  /** The active turn is a chore, which nothing stops. */
  readonly activePinned: boolean
  /** In the order in which it is to run: people's messages first, each part in the order of arrival. */
  readonly queued: readonly W[]
  readonly now: number
  /** When the last message came, whoever sent it. */
  readonly lastArrivalAt: number
  /** When the last turn ended. */
  readonly freeSince: number
}

/** What to do with a message that came. */
export type Admission<W extends Waiting = Waiting> =
  | { readonly act: 'reject' }
  | {
      /** Let it wait, offer it to the running turn too, or let it wait and stop the running turn. */
      readonly act: 'queue' | 'steer' | 'interrupt'
      /** Who has to go for it. */
      readonly drop: readonly W[]
      readonly because: 'overflow' | 'superseded'
      /** It should have been steered and cannot be. */
      readonly fallback: boolean
    }

/** How many quiet windows the turn of somebody who does not stop typing is put off at the most. */
export const MAX_WINDOWS = 10

/** A turn that is live and may still be told something. */
const TAKES: ReadonlySet<LaneState> = new Set(['running', 'paused', 'resuming'])

export function admit<W extends Waiting>(lane: Situation<W>, message: LaneMessage<unknown>): Admission<W> {
  const { state, queued } = lane
  const { mode } = message.policy
  if (mode === 'interrupt') {
    const drop = queued.filter(({ message }) => message.pinned !== true)
    return { act: TAKES.has(state) && !lane.activePinned ? 'interrupt' : 'queue', drop, because: 'superseded', fallback: false }
  }
  // Whatever the cap: it does not wait, it starts.
  if (state === 'idle') return { act: 'queue', drop: [], because: 'overflow', fallback: false }
  const drop = makeRoom(queued, message)
  if (drop === undefined) return { act: 'reject' }
  const steers = isSteer(message) && takes(lane, message.owner) && !overtakes(queued, message, drop)
  const fallback = isSteer(message) && !steers
  return { act: steers ? 'steer' : 'queue', drop, because: 'overflow', fallback }
}

/** Which messages form the next turn of a lane in which something waits, or until when the lane has to be quiet before that is known. */
export function nextTurn<W extends Waiting>(lane: Situation<W>): { messages: W[] } | { until: number } {
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
 * What forms one turn with `head`: everything its owner lets the lane collect. It passes by what others sent, but not by another
 * message of the same owner, which would then be answered after a later one.
 */
function collected<W extends Waiting>(queued: readonly W[], { message: { owner, priority } }: W): W[] {
  const own = queued.filter(({ message }) => message.owner === owner && message.priority === priority)
  const end = own.findIndex(({ message }) => message.policy.mode !== 'collect')
  return end === -1 ? own : own.slice(0, end)
}

/** Whether a turn that the end of the process cut off runs again: 'retry', or 'abandon'. */
export type Recovery = 'retry' | 'abandon'

/** How many times a message may be begun with: one that ends the process each time does not do so for ever. */
export const MAX_ATTEMPTS = 3

/** What becomes of a message that is found without an end after a crash. Its run may have had effects, so whether it runs again is a choice. */
export function afterCrash(
  { state, attempts }: Pick<Recovered<unknown>, 'state' | 'attempts'>,
  recovery: Recovery
): 'queue' | 'interrupted' | 'failed' {
  if (state === 'queued') return 'queue'
  if (recovery === 'abandon') return 'interrupted'
  return attempts < MAX_ATTEMPTS ? 'queue' : 'failed'
}

/** Whether the active turn may be told something by `owner`: what it does with it, it does with the rights of the one it runs for. */
function takes({ state, activeOwner }: Situation, owner: string): boolean {
  return TAKES.has(state) && activeOwner === owner
}

function isSteer({ policy: { mode } }: LaneMessage<unknown>): boolean {
  return mode === 'steer' || mode === 'steer_backlog'
}

/** Whether a steer of the same owner, which no turn has seen, would be answered after this one. */
function overtakes<W extends Waiting>(queued: readonly W[], { owner }: LaneMessage<unknown>, drop: readonly W[]): boolean {
  const missed = ({ message, steering, backlog }: W): boolean => {
    return isSteer(message) && message.owner === owner && !steering && !backlog
  }
  return queued.some((other) => missed(other) && !drop.includes(other))
}
