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

const LANE_STATES = ['idle', 'held', 'quiet', 'ready', 'running', 'paused', 'resuming', 'stopping'] as const

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

const Origin = oneOf(['session', 'channel', 'default'] as const)

/** Source of each field of a policy. */
export const PolicyOrigin = named(
  'PolicyOrigin',
  Type.Object(
    { mode: Origin, overflow: Origin, cap: Origin, debounceMs: Origin, summarizeOverflow: Origin },
    { description: 'Source of each field: set for the session, `lanes.channels.<frontend>`, or `lanes.default`' }
  )
)

const AGE = Type.Integer({ minimum: 0, description: 'Milliseconds since then, by the clock of the gateway' })

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
    ageMs: AGE,
    position: Type.Integer({ minimum: 0, description: 'Number of messages ahead of it. A running one counts' })
  })
)

const LANE = {
  sessionId: Type.String(),
  state: oneOf(LANE_STATES, { description: 'State of the lane. `held`: it is paused, and messages wait' }),
  paused: Type.Boolean({ description: 'True: it begins no run until queue.resume' }),
  depth: Type.Integer({ minimum: 0, description: 'Number of waiting messages' }),
  oldestAgeMs: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
    description: 'Waiting time of the oldest one; null without any'
  }),
  running: Type.Union(
    [
      Type.Object({
        runId: Type.String(),
        owner: Type.String({ description: 'Sender of the message that it answers' }),
        sinceMs: Type.Integer({ description: 'When it began, epoch milliseconds' }),
        ageMs: AGE
      }),
      Type.Null()
    ],
    { description: 'The run under way; null when there is none' }
  ),
  policy: Policy,
  origin: PolicyOrigin
}

/** A lane as it is now. */
export const QueueDetails = named(
  'QueueDetails',
  Type.Object({
    ...LANE,
    messages: Type.Array(QueuedMessage, { description: 'Those that wait, in the order in which they will be taken' })
  })
)

/** A lane in a list of lanes, and the data of the event `lane`. */
export const LaneDetails = named(
  'LaneDetails',
  Type.Object({
    ...LANE,
    messages: Type.Array(QueuedMessage, {
      description: 'The first 20 of those that wait, in the order in which they will be taken; `depth` is the number of all'
    }),
    droppedCount: Type.Integer({ minimum: 0, description: 'Messages that overflow dropped within the last hour' }),
    dropped: Type.Array(
      Type.Object({
        messageId: Type.String(),
        owner: Type.String({ description: 'Sender' }),
        preview: Type.String({ description: 'Beginning of its text' }),
        droppedAt: Type.Integer({ description: 'Epoch milliseconds' })
      }),
      { description: 'The newest 5 of them, newest first' }
    )
  })
)

/** Owner whose messages a caller may cancel: the caller itself. Undefined with the scope `operate`: every owner. */
export function ownedBy(caller: Caller): { readonly owner?: string } {
  return allows(caller, 'operate') ? {} : { owner: caller.id }
}

/** Characters of a message that stay in memory while it waits. */
const PREVIEW = 160

/** Beginning of a text, as a copy: a slice would keep the whole text alive. */
export function previewOf(text: string): string {
  return Buffer.from(text.slice(0, PREVIEW)).toString()
}

/** Data of the event `accepted`: the message waits in its lane. */
export const AcceptedEvent = Type.Object({
  messageId: Type.String({ description: 'Names this message in queue.get, queue.cancel and sessions.resume' }),
  position: Type.Integer({ minimum: 0, description: 'Number of messages ahead of it. A running one counts' }),
  mode: Mode,
  preview: Type.String({ maxLength: PREVIEW, description: 'Beginning of its text' })
})
