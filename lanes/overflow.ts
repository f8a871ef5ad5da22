import type { LaneMessage } from './message.ts'

/** A message that waits in a lane. */
export interface Waiting {
  readonly message: LaneMessage<unknown>
  /** It is offered to the running turn, which has not taken it yet. */
  readonly steering: boolean
  /** The running turn, or an earlier one, took it, and it waits for its second. */
  readonly backlog: boolean
}

/**
 * Who has to go so that `message` can wait too: nobody, some of those that wait, or, where `undefined`, the message itself.
 * The policy is that of the newcomer; where it allows fewer than wait already, as many go as it takes, at once.
 *
 * What a turn has begun with is never a victim: the messages of the running turn are not among the waiting, and one that was steered
 * and waits for its second turn has been answered, which to call dropped would be a lie. People's messages do not make room for a
 * machine's.
 */
export function makeRoom<W extends Waiting>(
  queued: readonly W[],
  { policy, priority, pinned }: LaneMessage<unknown>
): W[] | undefined {
  // Before anything is counted: most lanes are far from full.
  if (pinned === true || queued.length < policy.cap) return []
  const counted = queued.filter(({ message }) => message.pinned !== true)
  const excess = counted.length + 1 - policy.cap
  if (excess <= 0) return []
  if (policy.overflow === 'drop_new') return undefined
  const victims = counted.filter(({ backlog }) => !backlog)
  const ofMachines = victims.filter(({ message }) => message.priority === 'system')
  const ofPeople = priority === 'person' ? victims.filter(({ message }) => message.priority === 'person') : []
  const chosen = [...ofMachines, ...ofPeople].slice(0, excess)
  return chosen.length < excess ? undefined : chosen
}
