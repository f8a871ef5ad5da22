import type { LaneError, LaneErrorCode } from '../../lanes/errors.ts'
import { type ErrorName, RpcError } from '../../rpc/errors.ts'

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
    shutdown: [
      'AgentBusy',
      `The gateway is shutting down${kept ? '; the message is kept and answered after the next start' : ''}`
    ],
    overflow: ['AgentBusy', `Too many messages are waiting${stage === 'refused' ? '' : ' in this session'}`],
    superseded: ['AgentBusy', 'A newer message took the place of this one'],
    unsaved: ['InternalError', 'The message could not be stored']
  }
  const [kind, message] = errors[code]
  if (kind === 'InternalError' || (code === 'cancelled' && stage === 'running')) return new RpcError(kind, message, { cause })
  const queue = { code, laneId, mode, overflow, droppedCount, ...(kept ? { kept } : {}) }
  // To send a message again that is kept would be to send it twice.
  return new RpcError(kind, message, { cause, data: { ...(kept ? { retryable: false } : {}), queue } })
}
