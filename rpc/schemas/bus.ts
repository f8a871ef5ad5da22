import { Type } from '@sinclair/typebox'
import type { Context } from '../define.ts'

/** One event of a run, as plain data. `seq` starts at 1 in each run and has no gaps. */
export interface RunEvent {
  readonly sessionId: string
  readonly runId: string
  readonly seq: number
  /** Where it stands for several that follow each other: the number of the first. */
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

export type Listener = (told: RunEvent | Notice) => void

/** Passes on what a session says as events of this request; a notice only to a connection that asked for it with `system.hello`. */
export function relay(ctx: Pick<Context, 'connection' | 'emit'>): Listener {
  return (told) => {
    const { event, data, sessionId } = told
    if ('seq' in told) {
      const { runId, seq, fromSeq } = told
      ctx.emit(event, data, { sessionId, runId, seq, ...(fromSeq === undefined ? {} : { fromSeq }) })
    } else if (ctx.connection?.events.has(event)) ctx.emit(event, data, { sessionId })
  }
}

/** A session in which nothing was ever asked, or nothing that is still known. */
export const NothingToResume = Type.Object({
  sessionId: Type.String(),
  runId: Type.Null({ description: 'There is nothing to resume' })
})

export const Subscribed = Type.Object({
  sessionId: Type.String(),
  subscribed: Type.Literal(true),
  runs: Type.Array(
    Type.Object({
      runId: Type.String(),
      seq: Type.Integer({ minimum: 0, description: 'Of its newest event: what came before is told by sessions.resume' })
    }),
    { description: 'The runs under way' }
  )
})

export const Unsubscribed = Type.Object({ sessionId: Type.String(), subscribed: Type.Literal(false) })
