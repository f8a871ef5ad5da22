import { Type } from '@sinclair/typebox'
import type { Caller } from '../define.ts'
import { named } from '../named.ts'
import { allows } from '../registry.ts'

/** The modes and the ways to make room, in the specification's words and order: the one list of each. */
export const QUEUE_MODES = ['collect', 'followup', 'steer', 'steer_backlog', 'interrupt'] as const
export const OVERFLOWS = ['drop_old', 'drop_new'] as const
/** Limits of a policy, shared by configuration, commands and methods. */
export const MAX_CAP = 1000
export const MAX_DEBOUNCE_MS = 60_000

const LANE_STATES = ['idle', 'quiet', 'ready', 'running', 'paused', 'resuming', 'stopping'] as const

const oneOf = <const T extends readonly string[]>(words: T, options = {}) =>
  Type.Union(
    words.map((word) => Type.Literal(word as T[number])),
    options
  )

export const Mode = named(
  'Mode',
  oneOf(QUEUE_MODES, { description: 'Handling of a message that arrives while the agent is busy' })
)
export const Overflow = named('Overflow', oneOf(OVERFLOWS, { description: 'Message to drop when `cap` messages wait' }))

/** Queue policy of a session, complete. */
export const Policy = named(
  'Policy',
  Type.Object({
    mode: Mode,
    overflow: Overflow,
    cap: Type.Integer({ minimum: 1, maximum: MAX_CAP, description: 'Maximum number of waiting messages' }),
    debounceMs: Type.Integer({
      minimum: 0,
      maximum: MAX_DEBOUNCE_MS,
      description: 'Quiet time before collected messages are answered'
    }),
    summarizeOverflow: Type.Boolean({ description: 'Adds a note about dropped messages to the next run' })
  })
)

/** One message that waits. */
export const QueuedMessage = named(
  'QueuedMessage',
  Type.Object({
    messageId: Type.String(),
    mode: Mode,
    owner: Type.String({ description: 'Sender' }),
    priority: Type.Union([Type.Literal('person'), Type.Literal('system')]),
    preview: Type.String({
      description: 'Beginning of its text. Empty for work that is not a message, such as a queued tool'
    }),
    acceptedAt: Type.Integer({ description: 'Epoch milliseconds' }),
    position: Type.Integer({ minimum: 0, description: 'Number of messages ahead of it. A running one counts' })
  })
)

/** A lane as it is now. */
export const QueueDetails = named(
  'QueueDetails',
  Type.Object({
    sessionId: Type.String(),
    state: oneOf(LANE_STATES, { description: 'State of the lane' }),
    depth: Type.Integer({ minimum: 0, description: 'Number of waiting messages' }),
    oldestAgeMs: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
      description: 'Waiting time of the oldest one; null without any'
    }),
    running: Type.Union(
      [
        Type.Object({
          runId: Type.String(),
          owner: Type.String({ description: 'Sender of the message that it answers' }),
          sinceMs: Type.Integer({ description: 'When it began, epoch milliseconds' })
        }),
        Type.Null()
      ],
      { description: 'The run under way; null when there is none' }
    ),
    policy: Policy,
    messages: Type.Array(QueuedMessage, { description: 'Those that wait, in the order in which they will be taken' })
  })
)

/** Owner whose messages a caller may cancel: the caller itself. Undefined with the scope `operate`: every owner. */
export function ownedBy(caller: Caller): { readonly owner?: string } {
  return allows(caller, 'operate') ? {} : { owner: caller.id }
}

/** Data of the event `accepted`: the message waits in its lane. */
export const AcceptedEvent = Type.Object({
  messageId: Type.String({ description: 'Names this message in queue.get, queue.cancel and sessions.resume' }),
  position: Type.Integer({ minimum: 0, description: 'Number of messages ahead of it. A running one counts' }),
  mode: Mode,
  preview: Type.String({ maxLength: 160, description: 'Beginning of its text' })
})
