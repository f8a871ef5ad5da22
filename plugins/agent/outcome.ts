import type { Static } from '@sinclair/typebox'
import type { NewPost, QueueState, RunEnd } from '../../db/client.ts'
import { LaneError } from '../../lanes/errors.ts'
import type { LaneMessage, Outcome } from '../../lanes/message.ts'
import { ERRORS, toRpcError } from '../../rpc/errors.ts'
import type { SendResult } from '../../rpc/schemas/agent.ts'
import { errorOf, type RunOutcome } from '../../rpc/schemas/run-events.ts'
import type { Payload } from '../lanes/index.ts'

/** Answer of a run, the same for every message that is part of it. */
export type Answer = Omit<Static<typeof SendResult>, 'queue'>

/** End of a message in its lane: an answer, or the error that its run threw or the lane gave it. */
export type TurnEnd = { readonly outcome: Outcome<unknown> } | { readonly error: unknown }

/** Outcome as plain data: the same for a requester that waits, one that asks again, and one that comes back after a restart. */
export function outcomeOf(
  { id, policy }: LaneMessage<unknown>,
  end: TurnEnd,
  mapLaneError: (error: unknown) => unknown
): RunOutcome {
  if ('error' in end) {
    const { kind, message, data, statusCode } = toRpcError(mapLaneError(end.error))
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

/**
 * Posts to the channels that these messages came over: one for each conversation and text, however many messages ended together.
 * People get no post about what they did themselves.
 */
export function postsOf(
  ends: readonly { readonly message: LaneMessage<Payload>; readonly outcome: RunOutcome }[]
): (NewPost | undefined)[] {
  const posts = ends.map(({ message, outcome }): NewPost | undefined => {
    const reply = message.payload.kind === 'message' ? message.payload.reply : undefined
    const text = replyTextOf(outcome)
    return reply && text !== '' ? { ...reply, text } : undefined
  })
  const keys = posts.map((post) => post && JSON.stringify([post.channel, post.conversation, post.text]))
  // The newest message of several: the answer is shown beside it.
  const newest = new Map(keys.map((key, index) => [key, index]))
  return posts.map((post, index) => (newest.get(keys[index]) === index ? post : undefined))
}

/** Reply for an answer without text, such as one that only made a picture: silence would look like a fault. */
const NO_TEXT = 'The agent finished without a written answer.'
/** Addition to an answer that its model did not complete. */
const CUT =
  'The answer was cut off at its limit: the tokens of the model, or limits.answer_bytes. Ask for the rest, or for a shorter answer.'

/**
 * Text for a person who cannot see how the message ended: the answer or a failure notice. Empty for what people did themselves,
 * and for a message that is still to be answered.
 */
export function replyTextOf(outcome: RunOutcome): string {
  if ('result' in outcome) {
    const { content, stopReason } = outcome.result
    const text = content.trim() === '' ? NO_TEXT : content
    return stopReason === 'length' ? `${text}\n\n${CUT}` : text
  }
  const { kind, message, data } = outcome.error
  if (kind === 'InternalError') return `Something went wrong. ${message}`
  const { code, kept = false } = (data.queue ?? {}) as { code?: LaneError['code']; kept?: boolean }
  return code === 'overflow' || (code === 'shutdown' && !kept) ? message : ''
}

const STATES = {
  cancelled: 'cancelled',
  superseded: 'superseded',
  overflow: 'dropped',
  shutdown: 'interrupted',
  timeout: 'failed',
  unsaved: 'failed'
} as const satisfies Record<LaneError['code'], QueueState>

/** State to store for a message that ended like this. */
export function stateOf(end: TurnEnd): (typeof STATES)[LaneError['code']] | 'completed' {
  if (!('error' in end)) return 'completed'
  return end.error instanceof LaneError ? STATES[end.error.code] : 'failed'
}

/** Outcome to store for a run whose first message ended like this. */
export function runEndOf(end: TurnEnd, outcome: RunOutcome): Omit<RunEnd, 'id' | 'endedAt'> {
  const state = stateOf(end)
  const status = state === 'superseded' || state === 'dropped' ? 'cancelled' : state
  if ('result' in outcome) return { status }
  const { code, message } = errorOf(outcome.error)
  const reason = 'error' in end && end.error instanceof LaneError ? (end.error.reason ?? end.error.code) : null
  return {
    status,
    reason,
    errorCode: code,
    errorMessage: [message, 'error' in end ? detailOf(end.error) : undefined].filter(Boolean).join('\n')
  }
}

/** All that a provider said of a failed model call. Clients see a quote of it, operators read it in the run. */
function detailOf(error: unknown): string | undefined {
  const cause = error instanceof Error ? (error.cause as { readonly detail?: unknown } | undefined) : undefined
  return typeof cause?.detail === 'string' ? cause.detail : undefined
}
