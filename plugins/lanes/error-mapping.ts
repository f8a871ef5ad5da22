import type { LaneError, LaneErrorCode, LaneStage } from '../../lanes/errors.ts'
import { type ErrorName, RpcError } from '../../rpc/errors.ts'

const SHUTDOWN: Record<LaneStage | 'kept', string> = {
  refused: 'The gateway is shutting down',
  waiting: 'The gateway is shutting down',
  kept: 'The gateway is shutting down; the message is kept and answered after the next start',
  running: 'The gateway was shut down before this was answered'
}
/** HTTP status where it differs from the error's own. Some clients send a request again after a 429, whatever the error says. */
const STATUS: Partial<Record<LaneErrorCode, number>> = { superseded: 409, shutdown: 503 }

/**
 * Maps what a lane did to a message to an error of the protocol. `stored`: the message outlives the process, which work does not.
 * `error.data.queue` is set when the lane ended the message, and not its run. A shutdown, which ends both, counts as the lane's.
 */
export function toRpcError(cause: LaneError, { stored, runTimeoutMs }: { stored: boolean; runTimeoutMs: number }): RpcError {
  const { code, laneId, mode, overflow, droppedCount, stage, reason } = cause
  const kept = stored && code === 'shutdown' && stage === 'waiting'
  const errors: Record<LaneErrorCode, readonly [ErrorName, string]> = {
    cancelled: ['RequestCancelled', reason === undefined ? 'Request cancelled by client' : `Request cancelled: ${reason}`],
    timeout: ['InternalError', `The run took longer than ${runTimeoutMs / 1000} seconds and was stopped`],
    shutdown: ['AgentBusy', SHUTDOWN[kept ? 'kept' : stage]],
    overflow: ['AgentBusy', `Too many messages are waiting${stage === 'refused' ? '' : ' in this session'}`],
    superseded: ['AgentBusy', 'A newer message took the place of this one'],
    unsaved: [
      'InternalError',
      stage === 'refused' ? 'The message could not be stored' : 'The message has ended, but its outcome could not be stored'
    ]
  }
  const [kind, message] = errors[code]
  const because = reason === undefined ? {} : { reason }
  if (kind === 'InternalError') return new RpcError(kind, message, { cause })
  if (code === 'cancelled' && stage === 'running') return new RpcError(kind, message, { cause, data: because })
  const queue = { code, laneId, mode, overflow, droppedCount, ...(kept ? { kept } : {}) }
  // A retry of a message that is kept, had begun, or made way for a newer one would ask twice, or fight the newer one.
  const retryable = code === 'overflow' || (code === 'shutdown' && stage === 'refused')
  const statusCode = STATUS[code]
  return new RpcError(kind, message, {
    cause,
    data: { retryable, queue, ...because },
    ...(statusCode === undefined ? {} : { statusCode })
  })
}
