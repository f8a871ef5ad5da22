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
/** Time in which they show when the connection was kept, on a busy machine too. Later, the server has read the request. */
const STALE_MS = 5000

/**
 * Connections to one provider. A server may close a kept connection at the moment it is used again. It has then not read the request,
 * which is sent once more on a new connection, because all kept ones may be closed. Redirects are not followed: the key would go along to
 * wherever they lead. And there is no time limit: a local model may read a long conversation for minutes before its first byte, where
 * Node's own `fetch` gives up after five. The turn of the agent has a limit.
 */
export class ConnectionPool {
  #close = async (): Promise<void> => {}
  readonly #load = loadOnce(async () => {
    const { Agent, request } = await import('undici')
    const options = { headersTimeout: 0, bodyTimeout: 0 }
    const kept = new Agent(options)
    // Without keep-alive: each request has a connection of its own.
    const fresh = new Agent({ ...options, pipelining: 0 })
    this.#close = async () => void (await Promise.all([kept.destroy(), fresh.destroy()]))
    return { request, kept, fresh }
  })

  async post(url: string, { headers, body, signal }: RawRequest): Promise<RawResponse> {
    const { request, kept, fresh } = await this.#load()
    const send = (dispatcher: typeof kept) => request(url, { method: 'POST', headers, body, signal, dispatcher })
    const began = performance.now()
    const response = await send(kept).catch((error: NodeJS.ErrnoException) => {
      const stale = STALE.has(error.code ?? '') && performance.now() - began < STALE_MS
      if (!stale || signal.aborted) throw error
      return send(fresh)
    })
    return { status: response.statusCode, headers: response.headers, body: response.body }
  }

  /** Ends its connections, also those that are kept for the next call. */
  close(): Promise<void> {
    return this.#close()
  }
}
