import type { Static } from '@sinclair/typebox'
import type { QueueState, RunEnd } from '../../db/client.ts'
import { LaneError } from '../../lanes/errors.ts'
import type { LaneMessage, Outcome } from '../../lanes/message.ts'
import { ERRORS, toRpcError } from '../../rpc/errors.ts'
import type { SendResult } from '../../rpc/schemas/agent.ts'
import { errorOf, type Settled } from '../../rpc/schemas/told.ts'

/** What a run answers, before it is told to each of those who asked. */
export type Answer = Omit<Static<typeof SendResult>, 'queue'>

/** How a message came out of its lane: with an answer, or with what its run threw or the lane did to it. */
export type End = { readonly outcome: Outcome<unknown> } | { readonly error: unknown }

/** As plain data, the same for whoever waits, whoever asks again and whoever comes back after a restart. */
export function settledOf({ id, policy }: LaneMessage<unknown>, end: End, shown: (error: unknown) => unknown): Settled {
  if ('error' in end) {
    const { kind, message, data, statusCode } = toRpcError(shown(end.error))
    return { error: { kind, message, data, ...(statusCode === ERRORS[kind].http ? {} : { statusCode }) } }
  }
  const { value, how, collected, fallback, backlog } = end.outcome
  return {
    result: {
      ...(value as Answer),
      queue: {
        messageId: id,
        mode: policy.mode,
        outcome: fallback ?? how,
        ...(collected === undefined ? {} : { collected }),
        ...(backlog === true ? { backlog } : {})
      }
    }
  }
}

const STATES = {
  cancelled: 'cancelled',
  superseded: 'superseded',
  overflow: 'dropped',
  shutdown: 'interrupted',
  timeout: 'failed',
  unsaved: 'failed'
} as const satisfies Record<LaneError['code'], QueueState>

/** How a message is kept that ended like this. */
export function stateOf(end: End): (typeof STATES)[LaneError['code']] | 'completed' {
  if (!('error' in end)) return 'completed'
  return end.error instanceof LaneError ? STATES[end.error.code] : 'failed'
}

/** How a run is kept whose first message ended like this. */
export function runEndOf(end: End, settled: Settled): Omit<RunEnd, 'id' | 'endedAt'> {
  const state = stateOf(end)
  const status = state === 'superseded' || state === 'dropped' ? 'cancelled' : state
  if ('result' in settled) return { status, ...settled.result.usage }
  const { code, message } = errorOf(settled.error)
  return { status, errorCode: code, errorMessage: message }
}
