import { randomUUID } from 'node:crypto'
import { type Static, Type } from '@sinclair/typebox'
import type { Context } from '../define.ts'
import { invalidParams } from '../errors.ts'
import { named } from '../named.ts'
import { Usage } from './agent.ts'
import { Policy } from './queue.ts'
import { RunSummary } from './run.ts'

/**
 * `<frontend>:<key>`. Neither control characters nor line separators, which would let an id write lines of its own into
 * a log, nor halves of surrogate pairs, which the database could not keep apart.
 */
export const SessionId = named(
  'SessionId',
  Type.String({
    minLength: 3,
    maxLength: 256,
    pattern: String.raw`^(?=[^:]+:.)(?:[^\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]|[\ud800-\udbff][\udc00-\udfff])+$`,
    description: 'Id of a conversation: its frontend, a colon, and a key',
    expected: "'<frontend>:<key>', at most 256 characters, none of them control characters"
  })
)

interface MayName {
  readonly sessionId?: string | undefined
}

/**
 * Session of a call: the one it names, to which its connection is attached from now on, else the one its connection is attached
 * to. Over HTTP, without a connection, a new one.
 */
export function attach({ sessionId }: MayName, { connection }: Pick<Context, 'connection'>): string {
  if (connection && sessionId !== undefined) connection.sessionId = sessionId
  return sessionId ?? connection?.sessionId ?? `http:${randomUUID()}`
}

/**
 * Session of a call: the one it names, else the one its connection is attached to.
 * @throws RpcError InvalidRequest when there is neither
 */
export function sessionOf({ sessionId }: MayName, { connection }: Pick<Context, 'connection'>): string {
  const id = sessionId ?? connection?.sessionId
  if (id !== undefined) return id
  throw invalidParams([
    { path: 'params.sessionId', message: 'is required over HTTP, where no connection is attached to a session' }
  ])
}

/** Title of a session: one line. */
export const Title = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: String.raw`^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*\S[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$`,
  expected: 'one line of at most 200 characters'
})

/** Elevation of a session: permission to run elevated tools. */
const Elevation = Type.Object({
  active: Type.Boolean(),
  untilMs: Type.Integer({ minimum: 0, description: 'Epoch milliseconds, also after it has ended. 0: never elevated' })
})

/** Elevation of a session at `now`, from its stored value. */
export function elevationOf(stored: { readonly untilMs: number } | undefined, now: number): Static<typeof Elevation> {
  const untilMs = stored?.untilMs ?? 0
  return { active: untilMs > now, untilMs }
}

/** One session in a list. Times are epoch milliseconds. */
export const SessionSummary = named(
  'SessionSummary',
  Type.Object({
    id: SessionId,
    frontend: Type.String(),
    userId: Type.String(),
    messageCount: Type.Integer({ minimum: 0, description: 'Messages of users and of the agent' }),
    lastMessageAt: Type.Union([Type.Integer(), Type.Null()], {
      description: 'Epoch milliseconds; null before the first message'
    }),
    config: Type.Object(
      { modelTier: Type.String({ description: 'The tier of models that answers' }), queue: Policy, elevation: Elevation },
      { description: 'Policy for the next message, from any source' }
    ),
    title: Type.Union([Type.String(), Type.Null()], {
      description: 'Set by a person, or made from the first messages; null before the first message'
    }),
    preview: Type.Union([Type.String(), Type.Null()], { description: 'Beginning of the newest text; null before the first' }),
    createdAt: Type.Integer({ description: 'Epoch milliseconds' }),
    running: Type.Boolean({ description: 'A run is active' }),
    depth: Type.Integer({ minimum: 0, description: 'Number of waiting messages' }),
    unread: Type.Integer({
      minimum: 0,
      maximum: 100,
      description: 'Messages of the agent that the caller has not marked as read (`sessions.markRead`); 100: that many or more'
    }),
    pinned: Type.Boolean(),
    archived: Type.Boolean(),
    usage: Usage,
    context: Type.Union(
      [
        Type.Object({
          tokens: Type.Integer({ minimum: 0, description: 'Estimated tokens of the conversation' }),
          contextWindow: Type.Integer({ minimum: 1, description: 'Tokens that the model takes' })
        }),
        Type.Null()
      ],
      { description: 'Null before the first answer' }
    )
  })
)

const ToolCallEntry = Type.Object({
  callId: Type.String(),
  tool: Type.String(),
  args: Type.Record(Type.String(), Type.Unknown()),
  result: Type.Optional(
    Type.Object(
      {
        success: Type.Boolean(),
        output: Type.String(),
        error: Type.Union([Type.String(), Type.Null()]),
        truncated: Type.Optional(Type.Boolean({ description: 'True when a long output was cut' }))
      },
      { description: 'Absent when the tool never answered' }
    )
  )
})

/** One message of a session's history. */
export const HistoryEntry = named(
  'HistoryEntry',
  Type.Object({
    role: Type.Union([Type.Literal('user'), Type.Literal('assistant')]),
    content: Type.String(),
    id: Type.Integer({ description: 'Rises with each message; give the oldest one as `before` to get the page before it' }),
    runId: Type.String(),
    status: Type.Union([Type.Literal('complete'), Type.Literal('partial'), Type.Literal('interrupted')]),
    createdAt: Type.String({ description: 'ISO 8601, UTC' }),
    toolCalls: Type.Optional(Type.Array(ToolCallEntry)),
    reasoning: Type.Optional(Type.String({ description: 'Thoughts of the model before this answer; up to 256 KiB are kept' })),
    attachments: Type.Optional(
      Type.Array(
        Type.Object({
          id: Type.String({ description: 'Of `GET /attachments/<id>`' }),
          mimeType: Type.String(),
          filename: Type.Optional(Type.String()),
          bytes: Type.Integer({ minimum: 0, description: 'Size of the file' })
        })
      )
    )
  })
)

/** A session with its newest messages. */
export const SessionDetails = named(
  'SessionDetails',
  Type.Object({
    id: SessionId,
    createdAt: Type.String({ description: 'ISO 8601, UTC' }),
    lastActiveAt: Type.String({ description: 'ISO 8601, UTC' }),
    history: Type.Array(HistoryEntry, {
      description: 'Oldest first; may be fewer than `limit`, but none only when nothing is older than `before`'
    }),
    title: Type.Union([Type.String(), Type.Null()]),
    pinned: Type.Boolean(),
    archived: Type.Boolean(),
    runs: Type.Array(RunSummary, {
      description: 'Runs of these messages, with outcome, usage and reason, as long as they are kept (`retention.runs_days`)'
    }),
    older: Type.Boolean({ description: 'The session has older messages' }),
    newer: Type.Boolean({ description: 'The session has newer messages' })
  })
)
