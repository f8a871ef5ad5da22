/**
 * The decisions of a lane, apart from its machinery: pure functions over what is queued. The policy is `followup`: every item
 * becomes a turn of its own, first in, first out.
 */

/** More than any sensible backlog of one conversation: it keeps a client that never stops sending from filling the memory. */
export const MAX_QUEUED = 1000
/** The same for all lanes together: nobody may fill the memory by opening ever new ones. */
export const MAX_QUEUED_TOTAL = 10_000

/** Whether one more item may join `queued` waiting ones of its lane and `total` of all lanes. */
export function admits(queued: number, total: number): boolean {
  return queued < MAX_QUEUED && total < MAX_QUEUED_TOTAL
}

/** Which item of a non-empty backlog (oldest first) forms the next turn. */
export function nextTurn<T>(backlog: readonly T[]): T {
  return backlog[0]!
}
