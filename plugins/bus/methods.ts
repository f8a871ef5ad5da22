import { Type } from '@sinclair/typebox'
import { peerOf } from '../../rpc/peer.ts'
import { RUN_EVENTS, SendResult } from '../../rpc/schemas/agent.ts'
import { forwardEvents } from '../../rpc/schemas/run-events.ts'
import { SessionId, sessionOf } from '../../rpc/schemas/session.ts'
import { defineMethod } from '../define.ts'
import { NothingToResume, Subscribed, Unsubscribed } from './schema.ts'

const OneSession = Type.Object({ sessionId: Type.Optional(SessionId) }, { additionalProperties: false })

export const resume = defineMethod({
  name: 'sessions.resume',
  summary: 'Replay the missed events of a run, then follow it to its end (extension)',
  extension: true,
  scope: 'read',
  errors: ['SessionNotFound', 'RequestCancelled'],
  params: Type.Object(
    {
      sessionId: Type.Optional(SessionId),
      runId: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 64,
          description: 'A run, or a message. Default: the active or latest run of the session'
        })
      ),
      afterSeq: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: Number.MAX_SAFE_INTEGER,
          default: 0,
          description: 'Number of the newest event that the client has'
        })
      )
    },
    { additionalProperties: false }
  ),
  result: Type.Union([SendResult, NothingToResume]),
  events: RUN_EVENTS,
  async handler({ sessionId, runId, afterSeq = 0 }, ctx) {
    const id = sessionOf({ sessionId }, ctx)
    const audience = { signal: ctx.signal, connectionId: ctx.connection?.id }
    const result = await ctx.app.bus.resume({ ...audience, sessionId: id, runId, afterSeq }, forwardEvents(ctx))
    return result ?? { sessionId: id, runId: null }
  }
})

export const subscribe = defineMethod({
  name: 'sessions.subscribe',
  summary: 'Follow every run of a session from now on (extension)',
  extension: true,
  scope: 'read',
  params: OneSession,
  result: Subscribed,
  events: RUN_EVENTS,
  handler(params, ctx) {
    const connection = peerOf(ctx, 'sessions.subscribe')
    const sessionId = sessionOf(params, ctx)
    const runs = ctx.app.bus.subscriptions.add(connection, sessionId, forwardEvents(ctx))
    return { sessionId, subscribed: true as const, runs }
  }
})

export const unsubscribe = defineMethod({
  name: 'sessions.unsubscribe',
  summary: 'Stop following a session (extension)',
  extension: true,
  scope: 'read',
  params: OneSession,
  result: Unsubscribed,
  handler(params, ctx) {
    const connection = peerOf(ctx, 'sessions.unsubscribe')
    const sessionId = sessionOf(params, ctx)
    ctx.app.bus.subscriptions.remove(connection, sessionId)
    return { sessionId, subscribed: false as const }
  }
})
