import type { Static } from '@sinclair/typebox'
import type { Context } from '../define.ts'
import { type ErrorData, type ErrorName, RpcError } from '../errors.ts'
import type { SendResult } from './agent.ts'

/** One event of a run, as plain data. `seq` starts at 1 in each run and has no gaps. */
export interface RunEvent {
  readonly sessionId: string
  readonly runId: string
  readonly seq: number
  /** First number of a merged event. */
  readonly fromSeq?: number
  readonly event: string
  readonly data: unknown
}

/** An extension event about a message: it has no place in a run. */
export interface Notice {
  readonly sessionId: string
  readonly messageId: string
  readonly event: string
  readonly data: unknown
}

export type EventListener = (told: RunEvent | Notice) => void

/** Forwards events of a session as events of this request. A notice goes only to a connection that asked for it with `system.hello`. */
export function forwardEvents(ctx: Pick<Context, 'connection' | 'emit'>): EventListener {
  return (told) => {
    const { event, data, sessionId } = told
    if ('seq' in told) {
      const { runId, seq, fromSeq } = told
      ctx.emit(event, data, { sessionId, runId, seq, ...(fromSeq === undefined ? {} : { fromSeq }) })
    } else if (ctx.connection?.events.has(event)) ctx.emit(event, data, { sessionId })
  }
}

/** Outcome of a message as plain data: the result or error of `agent.send`. */
export type RunOutcome =
  | { readonly result: Static<typeof SendResult> }
  | {
      readonly error: {
        readonly kind: ErrorName
        readonly message: string
        readonly data: ErrorData
        /** Over HTTP, where it is not that of the kind. */
        readonly statusCode?: number
      }
    }

/** Protocol error of a failed outcome. */
export function errorOf({ kind, message, ...options }: Extract<RunOutcome, { error: unknown }>['error']): RpcError {
  return new RpcError(kind, message, options)
}
