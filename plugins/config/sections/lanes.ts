import { Type } from '@sinclair/typebox'
import { MAX_CAP, MAX_DEBOUNCE_MS, OVERFLOWS, QUEUE_MODES } from '../../../rpc/schemas/queue.ts'
import { name, named, oneOf, preset, restart, section } from './schema-helpers.ts'

/** What becomes of a turn that was running when the process died. */
const RECOVERIES = ['abandon', 'retry'] as const

/** What happens to messages that come while the agent is busy. */
const policy = {
  mode: oneOf(QUEUE_MODES, { description: 'What a message does while a turn is running' }),
  cap: Type.Integer({ description: 'How many messages may wait in a session', minimum: 1, maximum: MAX_CAP }),
  overflow: oneOf(OVERFLOWS, { description: 'Which message has to go when that many wait' }),
  debounce_ms: Type.Integer({
    description: 'How long nothing must have come before what was collected becomes a turn',
    minimum: 0,
    maximum: MAX_DEBOUNCE_MS
  }),
  summarize_overflow: Type.Boolean({ description: 'Whether the next turn is told what was dropped' })
}

export const LanesSection = section('Queues, one a session', {
  max_concurrent_runs: Type.Integer({
    description: 'Turns that run at the same time, over all sessions',
    default: 32,
    minimum: 1,
    maximum: 10_000,
    ...restart
  }),
  recovery: oneOf(RECOVERIES, {
    description: 'What becomes of a turn that the end of the process cut off: told as interrupted, or run again',
    default: 'abandon',
    ...restart
  }),
  default: section('What happens to messages that come while the agent is busy', {
    mode: preset(policy.mode, 'followup'),
    cap: preset(policy.cap, 20),
    overflow: preset(policy.overflow, 'drop_old'),
    debounce_ms: preset(policy.debounce_ms, 250),
    summarize_overflow: preset(policy.summarize_overflow, true)
  }),
  channels: named(name.pattern, Type.Partial(section('What one frontend has of its own', policy)), {
    description: 'What differs by frontend, the part of a session id before its colon',
    default: {},
    key: name.expected,
    expected: 'an object of frontends'
  })
})
