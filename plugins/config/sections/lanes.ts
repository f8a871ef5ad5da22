import { Type } from '@sinclair/typebox'
import { MAX_CAP, MAX_DEBOUNCE_MS, OVERFLOWS, QUEUE_MODES } from '../../../rpc/schemas/queue.ts'
import { name, named, oneOf, preset, restart, section } from './schema-helpers.ts'

/** Treatment of a turn that was running when the process died. */
const RECOVERIES = ['abandon', 'retry'] as const

/** Queue policy: the treatment of messages that arrive while the agent is busy. */
const policy = {
  mode: oneOf(QUEUE_MODES, { description: 'Queue mode of a message that arrives while a turn is running' }),
  cap: Type.Integer({ description: 'Largest number of queued messages of a session', minimum: 1, maximum: MAX_CAP }),
  overflow: oneOf(OVERFLOWS, { description: 'Message that is dropped when the queue is full: the oldest or the new one' }),
  debounce_ms: Type.Integer({
    description: 'Quiet time before collected messages become a turn, in milliseconds',
    minimum: 0,
    maximum: MAX_DEBOUNCE_MS
  }),
  summarize_overflow: Type.Boolean({ description: 'Summarize dropped messages in the next turn' })
}

export const LanesSection = section('Message queues, one for each session', {
  max_concurrent_runs: Type.Integer({
    description: 'Largest number of turns that run at the same time, over all sessions',
    default: 32,
    minimum: 1,
    maximum: 10_000,
    ...restart
  }),
  recovery: oneOf(RECOVERIES, {
    description:
      'Treatment of a turn that the end of the process cut off: `abandon` marks it as interrupted, `retry` runs it again',
    default: 'abandon',
    ...restart
  }),
  default: section('Queue policy of messages that arrive while the agent is busy', {
    mode: preset(policy.mode, 'followup'),
    cap: preset(policy.cap, 20),
    overflow: preset(policy.overflow, 'drop_old'),
    debounce_ms: preset(policy.debounce_ms, 250),
    summarize_overflow: preset(policy.summarize_overflow, true)
  }),
  channels: named(name.pattern, Type.Partial(section('Queue policy of one frontend', policy)), {
    description: 'Queue policy by frontend, the part of a session id before its colon',
    default: {},
    key: name.expected,
    expected: 'an object of frontends'
  })
})
