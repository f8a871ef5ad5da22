import { RpcError } from '../../rpc/errors.ts'
import type { FailureReason, ProviderError } from '../providers/define.ts'

const REASONS: ReadonlySet<FailureReason | undefined> = new Set(['too_long', 'files', 'filtered', 'refused'])

/**
 * The refusal of a provider behind a failed model call: what was sent is the reason, and the same would fail again. Undefined for every
 * other failure.
 */
export function refusalIn(thrown: unknown): Pick<ProviderError, 'reason' | 'tokens'> | undefined {
  const cause = thrown instanceof RpcError ? (thrown.cause as Partial<ProviderError> | undefined) : undefined
  return REASONS.has(cause?.reason) ? { reason: cause!.reason!, tokens: cause!.tokens } : undefined
}
