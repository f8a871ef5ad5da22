import type { EventFrame } from './frames.ts'
import type { GatewayEvents, RunEvents } from './methods.ts'

/** An event of a run. `seq` starts at 1 in each run and has no gaps; one with `fromSeq` stands for several, from `fromSeq` to `seq`. */
export type RunEvent = {
  [K in keyof RunEvents]: {
    readonly event: K
    readonly data: RunEvents[K]
    readonly sessionId: string
    readonly runId: string
    readonly seq: number
    readonly fromSeq?: number
  }
}[keyof RunEvents]

/**
 * Events are missing here: the gateway no longer had them, or this reader was too slow. Made by the client. The result of the run is
 * complete anyway.
 */
export interface GapEvent {
  readonly event: 'gap'
  readonly data: Record<never, never>
  readonly sessionId: string
  readonly runId: string | undefined
  readonly seq?: undefined
  readonly fromSeq?: undefined
}

/** An event of a session that belongs to no run. It is not repeated after a reconnect. */
export type SessionNotice = {
  [K in keyof GatewayEvents]: {
    readonly event: K
    readonly data: GatewayEvents[K]
    readonly sessionId: string
    readonly runId?: undefined
    readonly seq?: undefined
    readonly fromSeq?: undefined
  }
}[keyof GatewayEvents]

/** An event of one run, for its iterator. */
export type StreamEvent = RunEvent | GapEvent

/** An event of a session, for those who follow it. */
export type SessionEvent = StreamEvent | SessionNotice

/**
 * The frame without the id of its request; undefined where it belongs to no run. That includes the error of a message which a gateway
 * that shuts down keeps: its run comes after the next start, under the same id, and begins at 1.
 */
export function runEventOf({ event, data, sessionId, runId, seq, fromSeq }: EventFrame): RunEvent | undefined {
  if (sessionId === undefined || runId === undefined || seq === undefined) return undefined
  if (event === 'error' && (data as RunEvents['error']).queue?.kept) return undefined
  const origin = fromSeq === undefined ? { sessionId, runId, seq } : { sessionId, runId, seq, fromSeq }
  return { event, data, ...origin } as RunEvent
}

export function gap(sessionId: string, runId: string | undefined): GapEvent {
  return { event: 'gap', data: {}, sessionId, runId }
}
