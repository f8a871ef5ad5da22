import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { loadOnce } from './load.ts'

/** A response whose body has not been read. */
export interface RawResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Readable
}

export interface RawRequest {
  readonly headers: Record<string, string>
  readonly body: string
  readonly signal: AbortSignal
}

/** Errors of a connection that the server has closed. */
const STALE: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])
/** Time in which they show when the connection was kept, on a machine that was paused too. Later, the server has read the request. */
const STALE_MS = 30_000

/**
 * Connections to one provider. A server may close a kept connection at the moment it is used again. It has then not read the request,
 * which is sent once more. Redirects are not followed: the key would go along to wherever they lead. And there is no time limit: a local
 * model may read a long conversation for minutes before its first byte, where Node's own `fetch` gives up after five. The turn of the
 * agent has a limit.
 */
export class ConnectionPool {
  #close = async (): Promise<void> => {}
  readonly #load = loadOnce(async () => {
    const { Agent, request } = await import('undici')
    const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 })
    this.#close = () => dispatcher.destroy()
    return { request, dispatcher }
  })

  async post(url: string, { headers, body, signal }: RawRequest): Promise<RawResponse> {
    const { request, dispatcher } = await this.#load()
    const send = () => request(url, { method: 'POST', headers, body, signal, dispatcher })
    const began = performance.now()
    const response = await send().catch((error: NodeJS.ErrnoException) => {
      const stale = STALE.has(error.code ?? '') && performance.now() - began < STALE_MS
      if (!stale || signal.aborted) throw error
      return send()
    })
    return { status: response.statusCode, headers: response.headers, body: response.body }
  }

  /** Ends its connections, also those that are kept for the next call. */
  close(): Promise<void> {
    return this.#close()
  }
}
