import type { Static } from '@sinclair/typebox'
import type { NewPost, QueueState, RunEnd } from '../../db/client.ts'
import { LaneError } from '../../lanes/errors.ts'
import type { LaneMessage, Outcome } from '../../lanes/message.ts'
import { ERRORS, toRpcError } from '../../rpc/errors.ts'
import type { SendResult } from '../../rpc/schemas/agent.ts'
import { errorOf, type RunOutcome } from '../../rpc/schemas/run-events.ts'
import type { Payload } from '../lanes/driver.ts'

/** What a run answers, before it is told to each of those who asked. */
export type Answer = Omit<Static<typeof SendResult>, 'queue'>

/** How a message came out of its lane: with an answer, or with what its run threw or the lane did to it. */
export type End = { readonly outcome: Outcome<unknown> } | { readonly error: unknown }

/** As plain data, the same for whoever waits, whoever asks again and whoever comes back after a restart. */
export function settledOf({ id, policy }: LaneMessage<unknown>, end: End, shown: (error: unknown) => unknown): RunOutcome {
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

/**
 * What is said of each of these ends on the channel that its message came over: one thing a conversation, whatever the number of messages.
 * Nothing of what people did themselves.
 */
export function postsOf(
  ends: readonly { readonly message: LaneMessage<Payload>; readonly settled: RunOutcome }[]
): (NewPost | undefined)[] {
  const posts = ends.map(({ message, settled }): NewPost | undefined => {
    const reply = message.payload.kind === 'message' ? message.payload.reply : undefined
    const text = spokenOf(settled)
    return reply && text !== '' ? { ...reply, text } : undefined
  })
  const keys = posts.map((post) => post && JSON.stringify([post.channel, post.conversation, post.text]))
  // The newest message of several: that is what an answer is shown beside.
  const newest = new Map(keys.map((key, index) => [key, index]))
  return posts.map((post, index) => (newest.get(keys[index]) === index ? post : undefined))
}

/** What somebody is told who does not see how a message ends; nothing of what people did themselves, and of what is still to be answered. */
export function spokenOf(settled: RunOutcome): string {
  if ('result' in settled) return settled.result.content
  const { kind, message, data } = settled.error
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

/** How a message is kept that ended like this. */
export function stateOf(end: End): (typeof STATES)[LaneError['code']] | 'completed' {
  if (!('error' in end)) return 'completed'
  return end.error instanceof LaneError ? STATES[end.error.code] : 'failed'
}

/** How a run is kept whose first message ended like this. */
export function runEndOf(end: End, settled: RunOutcome): Omit<RunEnd, 'id' | 'endedAt'> {
  const state = stateOf(end)
  const status = state === 'superseded' || state === 'dropped' ? 'cancelled' : state
  if ('result' in settled) return { status, ...settled.result.usage }
  const { code, message } = errorOf(settled.error)
  return { status, errorCode: code, errorMessage: message }
}
