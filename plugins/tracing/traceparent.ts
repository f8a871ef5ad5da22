import { isSpanContextValid, type SpanContext, TraceFlags } from '@opentelemetry/api'

/** Version 00 has nothing after the flags; of a later one the beginning is known (Trace Context, 3.2 and 4.3). */
const TRACEPARENT = /^(?!ff)([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/

/**
 * The span that a client names as the parent of what it asks for (https://www.w3.org/TR/trace-context/#traceparent-header).
 * Undefined where the text is no such thing: a trace begins anew then, and the request is none the worse for it.
 */
export function spanContextOf(traceparent: string | undefined): SpanContext | undefined {
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(traceparent ?? '') ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  if (version === '00' && more !== undefined) return undefined
  // Of the flags only the one for sampling is known; others are not to be passed on.
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED
  const context = { traceId, spanId, traceFlags, isRemote: true }
  return isSpanContextValid(context) ? context : undefined
}
