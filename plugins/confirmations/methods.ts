import { Type } from '@sinclair/typebox'
import { peerOf } from '../../rpc/peer.ts'
import { RUN_EVENTS } from '../../rpc/schemas/agent.ts'
import { Confirmation, MAX_REASON } from '../../rpc/schemas/confirmation.ts'
import { forwardEvents } from '../../rpc/schemas/run-events.ts'
import { SessionId, sessionOf } from '../../rpc/schemas/session.ts'
import { defineMethod } from '../define.ts'

const Success = Type.Object({ success: Type.Literal(true) })

export const setToolUseCallback = defineMethod({
  name: 'agent.setToolUseCallback',
  summary: 'Receive the tool events of a session, and confirm its tool calls',
  scope: 'write',
  params: Type.Object(
    {
      sessionId: Type.Optional(SessionId),
      enabled: Type.Boolean({
        description: 'True to receive the events under the id of this call, which replaces an earlier one'
      })
    },
    { additionalProperties: false }
  ),
  result: Success,
  events: { tool_start: RUN_EVENTS.tool_start, tool_end: RUN_EVENTS.tool_end },
  examples: [{ params: { sessionId: 'telegram:123456', enabled: true }, result: { success: true } }],
  handler({ enabled, ...params }, ctx) {
    const { callbacks } = ctx.app.confirmations
    const connection = peerOf(ctx, 'agent.setToolUseCallback')
    const sessionId = sessionOf(params, ctx)
    if (enabled) callbacks.add(connection, ctx.caller, sessionId, forwardEvents(ctx))
    else callbacks.remove(connection, sessionId)
    return { success: true as const }
  }
})

const LIST_LIMIT = 50
/** MiB of arguments in one answer: many calls at once must not exhaust memory. */
const LIST_MIB = 4

export const list = defineMethod({
  name: 'confirmations.list',
  summary: 'List the tool calls of all sessions that wait for a person, those that expire first at the front (extension)',
  extension: true,
  scope: 'read',
  params: Type.Object(
    {
      limit: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: 200,
          default: LIST_LIMIT,
          description: `Maximum number of calls. An answer also ends at ${LIST_MIB} MiB of arguments, but has at least one call`
        })
      )
    },
    { additionalProperties: false }
  ),
  result: Type.Object({
    confirmations: Type.Array(Confirmation),
    total: Type.Integer({ minimum: 0, description: 'Number of all waiting calls' })
  }),
  examples: [
    {
      params: {},
      result: {
        confirmations: [
          {
            callId: '5f0d6c1a-8a1b-4d27-8d43-0b7d1f6c9a02',
            sessionId: 'telegram:123456',
            runId: '0b6f2a1c-5d0e-4c1f-9f43-6a3f5f0f2b11',
            owner: 'token:telegram',
            tool: 'shell.exec',
            args: { command: 'ls' },
            openedAt: 1739448000000,
            expiresAt: 1739448120000
          }
        ],
        total: 1
      }
    }
  ],
  handler: ({ limit = LIST_LIMIT }, { app }) => app.confirmations.list({ limit, bytes: LIST_MIB * 1024 * 1024 })
})

export const confirmTool = defineMethod({
  name: 'agent.confirmTool',
  summary: 'Approve or refuse a tool call that waits for confirmation (extension)',
  extension: true,
  scope: 'write',
  uncounted: true,
  params: Type.Object(
    {
      callId: Type.String({
        minLength: 1,
        maxLength: 64,
        description: 'confirm.callId of its tool_start, or callId of confirmations.list'
      }),
      approve: Type.Boolean(),
      reason: Type.Optional(Type.String({ maxLength: MAX_REASON, description: 'Reason of a refusal, for the model' }))
    },
    { additionalProperties: false }
  ),
  result: Success,
  handler(answer, ctx) {
    ctx.app.confirmations.answer(ctx.connection, ctx.caller, answer)
    return { success: true as const }
  }
})
