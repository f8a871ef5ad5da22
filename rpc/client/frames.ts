import type { RpcErrorData } from './errors.ts'

/** An event of a request, or of the gateway itself (`id` is null), as it comes over the socket. */
export interface EventFrame {
  readonly id: number | null
  readonly event: string
  readonly data: unknown
  readonly sessionId?: string
  readonly runId?: string
  readonly seq?: number
  readonly fromSeq?: number
}

export interface ErrorBody {
  readonly code: number
  readonly message: string
  readonly data?: RpcErrorData
}

export interface AnswerFrame {
  readonly id: number | null
  readonly event?: undefined
  readonly result?: unknown
  readonly error?: ErrorBody
}

export type Frame = EventFrame | AnswerFrame

/** One parsed frame; undefined for anything else. */
export function readFrame(text: unknown): Frame | undefined {
  if (typeof text !== 'string') return undefined
  try {
    const frame = JSON.parse(text) as unknown
    return typeof frame === 'object' && frame !== null ? (frame as Frame) : undefined
  } catch {
    return undefined
  }
}
