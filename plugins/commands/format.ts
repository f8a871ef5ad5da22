import type { LaneSnapshot } from '../../lanes/lane.ts'
import type { LaneState } from '../../lanes/policy.ts'

const STATES: { readonly [State in LaneState]: string } = {
  idle: 'Nothing is running',
  held: 'Paused by an operator',
  quiet: 'Waiting until you have said everything',
  ready: 'Waiting for a free place to run',
  running: 'The agent is working',
  paused: 'The agent waits for a person',
  resuming: 'The agent waits for a free place to go on',
  stopping: 'The agent is being stopped'
}

/** State of a lane and number of its waiting messages, as a sentence. */
export function laneInWords({ state, depth, oldestAgeMs }: LaneSnapshot): string {
  const waiting = depth === 0 ? 'nothing waits' : `${messages(depth)} ${depth === 1 ? 'waits' : 'wait'}`
  const since = oldestAgeMs === undefined ? '' : `, the oldest for ${Math.round(oldestAgeMs / 1000)} s`
  return `${STATES[state]}; ${waiting}${since}.`
}

export function messages(count: number): string {
  return count === 1 ? '1 message' : `${count} messages`
}
