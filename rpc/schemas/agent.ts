import { type Static, Type } from '@sinclair/typebox'
import { named } from '../named.ts'
import { Confirm } from './confirmation.ts'
import { ContextWarning } from './context.ts'
import { Mode, Overflow } from './queue.ts'

/** Characters of one message. Longer text belongs into an attachment. */
export const MAX_MESSAGE = 1024 * 1024
export const MAX_ATTACHMENTS = 10
/** All attachments of one message together, decoded. */
export const MAX_ATTACHMENT_BYTES = 10 * 1024 * 1024

export const Attachment = named(
  'Attachment',
  Type.Object(
    {
      mimeType: Type.String({
        pattern: '^[a-z]+/[A-Za-z0-9.+-]+(; ?[a-z]+=[A-Za-z0-9.,"-]+){0,8}$',
        maxLength: 127,
        expected: 'a MIME type such as image/png'
      }),
      data: Type.String({ description: 'base64' }),
      filename: Type.Optional(Type.String({ maxLength: 255 }))
    },
    { additionalProperties: false }
  )
)

const TEXT_TYPE =
  /^(?:text\/.+|application\/(?:x-)?(?:json|xml|yaml|ndjson|javascript|ecmascript|toml|sql)|[a-z]+\/.+\+(?:json|xml|yaml))$/

/** Tells if a model gets a file of this MIME type as text. Parameters are ignored. */
export function isTextType(mimeType: string): boolean {
  return TEXT_TYPE.test(mimeType.split(';', 1)[0]!.trim().toLowerCase())
}

export const Usage = named(
  'Usage',
  Type.Object({
    inputTokens: Type.Integer({ description: 'Of all model calls of the run together' }),
    outputTokens: Type.Integer()
  })
)

/** Outcome of a message in its lane. Absent for a command, which does not enter a lane. */
const Queued = Type.Object({
  messageId: Type.String({ description: 'Names this message in queue.get, queue.cancel and sessions.resume' }),
  mode: Mode,
  outcome: Type.Union([Type.Literal('completed'), Type.Literal('collected'), Type.Literal('steered'), Type.Literal('followup')], {
    description:
      'completed: by a run of its own; collected: by one it shares with others; steered: by a run that was under way; followup: it could not be steered and got a run of its own'
  }),
  collected: Type.Optional(Type.Integer({ description: 'Number of messages that the run answers; only for collected ones' })),
  backlog: Type.Optional(Type.Boolean({ description: 'An earlier run has taken this message into account already' }))
})

export const StopReason = Type.Union([Type.Literal('length'), Type.Literal('empty')], {
  description:
    'Absent for a complete answer. length: cut off at the limit of tokens of the model; empty: the model gave no answer'
})
export type StopReason = Static<typeof StopReason>

export const SendResult = named(
  'SendResult',
  Type.Object({
    sessionId: Type.String(),
    runId: Type.String(),
    content: Type.String({ description: 'The whole answer: the texts of all content events but transient ones, joined' }),
    response: Type.String({ description: 'The same as content' }),
    usage: Usage,
    stopReason: Type.Optional(StopReason),
    queue: Type.Optional(Queued)
  })
)

export const Content = named(
  'Content',
  Type.Object({
    text: Type.String(),
    transient: Type.Optional(Type.Boolean({ description: 'Of the gateway and not of the agent: no part of the answer' }))
  })
)
/** Data of the event `reasoning`. */
export const ReasoningEvent = named(
  'ReasoningEvent',
  Type.Object({
    runId: Type.String(),
    step: Type.Integer({ minimum: 1, description: 'Number of the model call in its run' }),
    text: Type.String({ description: 'More of the thoughts of the model. sessions.get has all of them' })
  })
)

export const ToolStart = named(
  'ToolStart',
  Type.Object({
    tool: Type.String(),
    args: Type.Record(Type.String(), Type.Unknown()),
    callId: Type.String({ description: 'The same in the tool_end of this call' }),
    confirm: Type.Optional(Confirm)
  })
)
export const ToolEnd = named(
  'ToolEnd',
  Type.Object({
    tool: Type.String(),
    result: Type.Object({
      success: Type.Boolean(),
      output: Type.String(),
      error: Type.Union([Type.String(), Type.Null()])
    }),
    callId: Type.String()
  })
)
export const Done = Type.Object({ content: Type.String() })
export const RunError = named(
  'RunError',
  Type.Object({
    code: Type.Integer(),
    message: Type.String(),
    queue: Type.Optional(
      Type.Object(
        {
          code: Type.Union([
            Type.Literal('overflow'),
            Type.Literal('superseded'),
            Type.Literal('cancelled'),
            Type.Literal('shutdown')
          ]),
          laneId: Type.String(),
          mode: Mode,
          overflow: Overflow,
          droppedCount: Type.Integer({ description: 'Messages this lane has dropped since its last run began' }),
          kept: Type.Optional(Type.Boolean({ description: 'The message is stored and will be answered after the next start' }))
        },
        { description: 'Only when the lane, and not the run, ended the message' }
      )
    )
  })
)

/** The events of a run, in the specification's names. */
export const RUN_EVENTS = {
  content: Content,
  tool_start: ToolStart,
  tool_end: ToolEnd,
  attachment: Attachment,
  context_warning: ContextWarning,
  done: Done,
  error: RunError
} as const
