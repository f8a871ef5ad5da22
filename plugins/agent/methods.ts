import { type Static, Type } from '@sinclair/typebox'
import { invalidParams } from '../../rpc/errors.ts'
import { Attachment, MAX_ATTACHMENTS, MAX_MESSAGE, RUN_EVENTS, SendResult } from '../../rpc/schemas/agent.ts'
import { MAX_REASON } from '../../rpc/schemas/confirmation.ts'
import { Mode } from '../../rpc/schemas/queue.ts'
import { forwardEvents } from '../../rpc/schemas/run-events.ts'
import { attach, SessionId, sessionOf } from '../../rpc/schemas/session.ts'
import { defineMethod } from '../define.ts'
import { questionOf } from './retry.ts'

/** The specification's own example. */
const WEATHER = "I can't check the weather without access to weather APIs. Would you like me to help you with something else?"

export const send = defineMethod({
  name: 'agent.send',
  summary: 'Send a message to the agent and stream its answer',
  scope: 'write',
  errors: ['RequestCancelled'],
  params: Type.Object(
    {
      message: Type.String({ maxLength: MAX_MESSAGE, description: 'May be empty when there are attachments' }),
      sessionId: Type.Optional(SessionId),
      attachments: Type.Optional(Type.Array(Attachment, { maxItems: MAX_ATTACHMENTS })),
      attachmentIds: Type.Optional(
        Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
          maxItems: MAX_ATTACHMENTS,
          description: 'Files uploaded with `POST /attachments` within the last hour (extension)'
        })
      ),
      queueMode: Type.Optional(Type.Unsafe<Static<typeof Mode>>({ ...Mode, description: 'Queue mode of this message' })),
      idempotencyKey: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 255,
          description:
            'The same key in the same session within 24 hours answers with the outcome of the first call, and starts nothing'
        })
      )
    },
    { additionalProperties: false }
  ),
  result: SendResult,
  events: RUN_EVENTS,
  examples: [
    {
      params: {
        message: "What's the weather?",
        sessionId: 'telegram:123456',
        attachments: [{ mimeType: 'image/jpeg', data: 'base64encodedimage...' }]
      },
      result: {
        sessionId: 'telegram:123456',
        runId: '0b6f2a1c-5d0e-4c1f-9f43-6a3f5f0f2b11',
        content: WEATHER,
        response: WEATHER,
        usage: { inputTokens: 25, outputTokens: 30 }
      }
    }
  ],
  async handler({ sessionId, attachments = [], attachmentIds = [], ...message }, ctx) {
    const uploaded = attachmentIds.length === 0 ? [] : await ctx.app.attachments.uploads.filesOf(attachmentIds, ctx.caller)
    if (attachments.length + uploaded.length > MAX_ATTACHMENTS) {
      throw invalidParams([{ path: 'params.attachmentIds', message: `must be at most ${MAX_ATTACHMENTS} with the attachments` }])
    }
    return await ctx.app.agent.send({
      ...message,
      attachments: [...attachments, ...uploaded],
      sessionId: attach({ sessionId }, ctx),
      caller: ctx.caller,
      presence: ctx.connection ? 'ws' : 'http',
      listener: forwardEvents(ctx),
      audience: { signal: ctx.signal, connectionId: ctx.connection?.id }
    })
  }
})

export const retry = defineMethod({
  name: 'agent.retry',
  summary: 'Send the message of a run again, with its files, and stream the answer (extension)',
  extension: true,
  scope: 'write',
  errors: ['RequestCancelled', 'SessionNotFound'],
  params: Type.Object(
    {
      sessionId: Type.Optional(SessionId),
      runId: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 64,
          description: 'A run of your own message. Default: the newest of the conversation'
        })
      )
    },
    { additionalProperties: false }
  ),
  result: SendResult,
  events: RUN_EVENTS,
  async handler({ sessionId: named, runId }, ctx) {
    const sessionId = sessionOf({ sessionId: named }, ctx)
    await ctx.app.lanes.queues.assertKnown(sessionId)
    const question = await questionOf(ctx.app, ctx.caller, sessionId, runId)
    return await ctx.app.agent.send({
      ...question,
      sessionId,
      commands: false,
      caller: ctx.caller,
      presence: ctx.connection ? 'ws' : 'http',
      listener: forwardEvents(ctx),
      audience: { signal: ctx.signal, connectionId: ctx.connection?.id }
    })
  }
})

export const cancel = defineMethod({
  name: 'agent.cancel',
  summary: 'Cancel the active run and the waiting messages of a session',
  scope: 'write',
  errors: ['SessionNotFound'],
  uncounted: true,
  params: Type.Object(
    {
      sessionId: Type.Optional(SessionId),
      runId: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 64,
          description:
            'Cancels only if this run is active, otherwise nothing. The id of a message that is part of the run names it too. Default: any run'
        })
      ),
      keepQueue: Type.Optional(Type.Boolean({ default: false, description: 'Leaves the waiting messages, which then run' })),
      reason: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: MAX_REASON,
          description: 'Part of the error that requesters of cancelled messages get'
        })
      )
    },
    { additionalProperties: false }
  ),
  result: Type.Object({ cancelled: Type.Boolean({ description: 'False when there was nothing to cancel' }) }),
  handler: ({ sessionId, ...options }, ctx) => ctx.app.agent.cancel(sessionOf({ sessionId }, ctx), ctx.caller, options)
})
