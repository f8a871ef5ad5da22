import type { LaneMessage } from './message.ts'

/** A message that waits in a lane. */
export interface WaitingMessage {
  readonly message: LaneMessage<unknown>
  /** It is offered to the running turn, which has not taken it yet. */
  readonly steering: boolean
  /** The running turn, or an earlier one, took it, and it waits for its second. */
  readonly backlog: boolean
}

/**
 * Messages to drop so that `message` can wait too: none, or some of the waiting ones. `undefined`: the message itself.
 * The policy of the new message counts. Where it allows fewer than wait already, as many go as necessary, at once.
 *
 * A message that a turn has begun with is never dropped: messages of the running turn are not among the waiting ones, and a message that was
 * steered and waits for its second turn has been answered, so it cannot be called dropped. Messages of people do not make room for those of
 * machines.
 */
export function makeRoom<W extends WaitingMessage>(
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
