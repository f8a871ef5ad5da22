import type { Static } from '@sinclair/typebox'
import type { Turn } from '../../lanes/turn.ts'
import { RpcError } from '../../rpc/errors.ts'
import type { ToolStart } from '../../rpc/schemas/agent.ts'
import type { GatewayInstance } from '../define.ts'
import type { Payload } from '../lanes/index.ts'
import type { ToolCall } from '../providers/define.ts'
import type { ToolResult } from '../tools/define.ts'
import type { PreparedCall } from '../tools/index.ts'

/** One call of a tool that is about to be made. */
export interface PreparedToolCall {
  /** Announced before anything else happens. */
  readonly start: Static<typeof ToolStart>
  /**
   * Waits for the confirmation, and returns a result when the tool may not run. Absent: no confirmation is needed. Call it once.
   * @throws the signal's reason when the turn is stopped
   */
  refusal?(): Promise<ToolResult | undefined>
  /**
   * Runs the tool. To be called once, and not before it is confirmed.
   * @throws the signal's reason when the turn is stopped
   */
  run(): Promise<ToolResult>
}

/**
 * Makes ready what the model asks for. A tool that is unknown, called with wrong arguments or not allowed is an answer to the
 * model, not the end of the run. One that needs confirmation waits from here on, so that it can be answered as soon as it is announced.
 */
export async function prepareToolCall(
  { tools, confirmations, log }: Pick<GatewayInstance, 'tools' | 'confirmations' | 'log'>,
  turn: Turn<Payload>,
  call: ToolCall,
  access: 'owner' | 'guest'
): Promise<PreparedToolCall> {
  const { callId } = call
  const { laneId: sessionId, signal } = turn
  const owner = turn.messages[0]!.owner
  const refused = (error: string, { tool, args }: Pick<PreparedCall, 'tool' | 'args'> = call): PreparedToolCall => ({
    start: { tool, args, callId },
    run: async () => notRun(error)
  })
  if (call.invalid !== undefined) return refused(call.invalid)
  let prepared: PreparedCall
  try {
    prepared = await tools.prepare(call.tool, call.args, { access })
  } catch (cause) {
    if (cause instanceof RpcError) return refused(cause.message)
    throw cause
  }
  // Of `tools.call` people see, and confirm, the tool that really runs.
  const { tool, args } = prepared
  const start = { tool, args, callId }
  const run = (): Promise<ToolResult> => prepared.run({ sessionId, signal, actor: owner, access, log })
  if (!prepared.confirm) return { start, run }
  // Skips the confirmation when the call would be rejected anyway.
  const why = await prepared.refusal(sessionId)
  if (why !== undefined) return refused(why, prepared)
  const asked = confirmations.ask({ sessionId, runId: turn.id, owner, tool, args, signal })
  if ('refused' in asked) return refused(asked.refused, prepared)
  const { expiresAt, decision } = asked
  return {
    start: { ...start, confirm: { callId: asked.callId, expiresAt } },
    async refusal() {
      const said = await turn.pause(() => decision)
      return said.approved ? undefined : notRun(said.why)
    },
    run
  }
}

/** Result for the model in place of the tool's own. */
export function notRun(why: string): ToolResult {
  return { success: false, output: '', error: why, attachments: [] }
}
