import type { LaneError, LaneErrorCode, LaneStage } from '../../lanes/errors.ts'
import { type ErrorName, RpcError } from '../../rpc/errors.ts'

const SHUTDOWN: Record<LaneStage | 'kept', string> = {
  refused: 'The gateway is shutting down',
  waiting: 'The gateway is shutting down',
  kept: 'The gateway is shutting down; the message is kept and answered after the next start',
  running: 'The gateway was shut down before this was answered'
}
/** Over HTTP. A 429 would be sent again by some clients, whatever the error says. */
const STATUS: Partial<Record<LaneErrorCode, number>> = { superseded: 409, shutdown: 503 }

/**
 * What a lane did to a message, in the protocol's errors. `stored`: the message outlives the process, which work does not.
 * `error.data.queue` is there where the lane ended it and not its run; a shutdown, which ends both, counts as the lane's.
 */
export function shown(cause: LaneError, { stored, runTimeoutMs }: { stored: boolean; runTimeoutMs: number }): RpcError {
  const { code, laneId, mode, overflow, droppedCount, stage } = cause
  const kept = stored && code === 'shutdown' && stage === 'waiting'
  const errors: Record<LaneErrorCode, readonly [ErrorName, string]> = {
    cancelled: ['RequestCancelled', 'Request cancelled by client'],
    timeout: ['InternalError', `The run took longer than ${runTimeoutMs / 1000} seconds and was stopped`],
    shutdown: ['AgentBusy', SHUTDOWN[kept ? 'kept' : stage]],
    overflow: ['AgentBusy', `Too many messages are waiting${stage === 'refused' ? '' : ' in this session'}`],
    superseded: ['AgentBusy', 'A newer message took the place of this one'],
    unsaved: [
      'InternalError',
      stage === 'refused' ? 'The message could not be stored' : 'The message has ended, and how could not be stored'
    ]
  }
  const [kind, message] = errors[code]
  if (kind === 'InternalError' || (code === 'cancelled' && stage === 'running')) return new RpcError(kind, message, { cause })
  const queue = { code, laneId, mode, overflow, droppedCount, ...(kept ? { kept } : {}) }
  // To send again what is kept, what had begun, or what made way for a newer message, would be to ask twice, or to fight.
  const retryable = code === 'overflow' || (code === 'shutdown' && stage === 'refused')
  const statusCode = STATUS[code]
  return new RpcError(kind, message, { cause, data: { retryable, queue }, ...(statusCode === undefined ? {} : { statusCode }) })
}
