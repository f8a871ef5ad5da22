import { Type } from '@sinclair/typebox'
import { peerOf } from '../../rpc/peer.ts'
import { RUN_EVENTS } from '../../rpc/schemas/agent.ts'
import { MAX_REASON } from '../../rpc/schemas/confirmation.ts'
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

export const confirmTool = defineMethod({
  name: 'agent.confirmTool',
  summary: 'Approve or refuse a tool call that waits for confirmation (extension)',
  extension: true,
  scope: 'write',
  uncounted: true,
  params: Type.Object(
    {
      callId: Type.String({ minLength: 1, maxLength: 64, description: 'confirm.callId of its tool_start' }),
      approve: Type.Boolean(),
      reason: Type.Optional(Type.String({ maxLength: MAX_REASON, description: 'Reason of a refusal, for the model' }))
    },
    { additionalProperties: false }
  ),
  result: Success,
  handler(answer, ctx) {
    ctx.app.confirmations.answer(peerOf(ctx, 'agent.confirmTool'), ctx.caller, answer)
    return { success: true as const }
  }
})
