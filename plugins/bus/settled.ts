import type { Static } from '@sinclair/typebox'
import { type ErrorData, type ErrorName, RpcError } from '../../rpc/errors.ts'
import type { SendResult } from '../../rpc/schemas/agent.ts'

export type Result = Static<typeof SendResult>

/** How a message ended, as plain data: what `agent.send` answers or fails with. */
export type Settled =
  | { readonly result: Result }
  | {
      readonly error: {
        readonly kind: ErrorName
        readonly message: string
        readonly data: ErrorData
        /** Over HTTP, where it is not that of the kind. */
        readonly statusCode?: number
      }
    }

/** The result, or the error of the protocol, thrown. */
export function resultOf(settled: Settled): Result {
  if ('result' in settled) return settled.result
  const { kind, message, ...options } = settled.error
  throw new RpcError(kind, message, options)
}
