import type { FetchLike } from '@modelcontextprotocol/client'
import { Meter } from './meter.ts'

/**
 * `fetch` for the SDK's transport, which reads answers without a bound: what is too long or too much ends with an error,
 * and is told to `onFlood`.
 */
export function boundedFetch(onFlood: (reason: Error) => void): FetchLike {
  const whole = new Meter()
  return async (url, init) => {
    const response = await fetch(url, init)
    if (!response.body) return response
    const streamed = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false
    const body = response.body.pipeThrough(bounded(streamed, whole, onFlood))
    const { status, statusText, headers } = response
    const bounding = new Response(body, { status, statusText, headers })
    // The transport looks at both to refuse redirects, and a new response has neither.
    Object.defineProperties(bounding, { url: { value: response.url }, redirected: { value: response.redirected } })
    return bounding
  }
}

/** Counts for this answer how long its messages are, and for all answers together how much comes. */
function bounded(
  streamed: boolean,
  whole: Meter,
  onFlood: (reason: Error) => void
): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  const own = new Meter()
  let newline = false
  return new TransformStream({
    transform(chunk, controller) {
      try {
        own.bytes(chunk.length)
        whole.bytes(chunk.length)
        // Whatever is in between, no message is longer than the longest answer.
        whole.message(0)
        // An event ends with an empty line.
        for (let at = 0; streamed && at < chunk.length; at++) {
          const byte = chunk[at]
          if (byte === 13) continue
          if (byte === 10 && newline) own.message(chunk.length - at - 1)
          newline = byte === 10
        }
        controller.enqueue(chunk)
      } catch (cause) {
        const reason = cause instanceof Error ? cause : new Error(String(cause))
        controller.error(reason)
        onFlood(reason)
      }
    }
  })
}
