import type { FetchLike } from '@modelcontextprotocol/client'
import { Meter } from './meter.ts'

/**
 * `fetch` for the SDK's transport, which reads answers without a bound. An answer that is too long, or too many of them, end with an
 * error, which `onFlood` receives.
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

/** Bytes in which the first event of a stream of 2024 arrives. */
const FIRST_EVENT_BYTES = 4096

/** True where a GET answers with the `endpoint` event of HTTP with SSE (protocol version 2024-11-05). Never rejects. */
export async function speaksOldSse(
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal
): Promise<boolean> {
  const stop = new AbortController()
  try {
    const response = await fetch(url, {
      headers: { ...headers, accept: 'text/event-stream' },
      redirect: 'error',
      signal: AbortSignal.any([signal, stop.signal])
    })
    if (!response.headers.get('content-type')?.startsWith('text/event-stream')) return false
    let beginning = ''
    for await (const chunk of response.body ?? []) {
      beginning += Buffer.from(chunk).toString('latin1')
      if (beginning.length > FIRST_EVENT_BYTES || beginning.includes('event: endpoint')) break
    }
    return beginning.includes('event: endpoint')
  } catch {
    return false
  } finally {
    stop.abort()
  }
}

/** Bounds the messages of this answer, and the amount of all answers together. */
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
