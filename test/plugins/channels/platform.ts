import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

/** A request that came to a platform. */
export interface PlatformRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** Of a JSON body. */
  // biome-ignore lint/suspicious/noExplicitAny: bodies of every shape
  readonly json: any
}

export interface PlatformAnswer {
  readonly status?: number
  readonly json?: unknown
  readonly headers?: Record<string, string>
}

/** A server on the loopback that plays a platform, and remembers what it was asked. */
export async function startPlatform(
  t: TestContext,
  answer: (request: PlatformRequest) => PlatformAnswer | Promise<PlatformAnswer>
): Promise<{ readonly url: string; readonly requests: PlatformRequest[] }> {
  const requests: PlatformRequest[] = []
  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://platform')
    const isJson = incoming.headers['content-type']?.startsWith('application/json')
    const request: PlatformRequest = {
      method: incoming.method ?? '',
      path: pathname,
      query: searchParams,
      headers: incoming.headers,
      body,
      json: isJson && body !== '' ? JSON.parse(body) : undefined
    }
    requests.push(request)
    const { status = 200, json, headers = {} } = await answer(request)
    response.writeHead(status, { ...(json === undefined ? {} : { 'content-type': 'application/json' }), ...headers })
    response.end(json === undefined ? undefined : JSON.stringify(json))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => new Promise((resolve) => server.close(resolve).closeAllConnections()))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

/** Texts that arrived at a platform, and waiting for more of them. */
export class Heard {
  readonly texts: string[] = []
  readonly #waiting = new Set<() => void>()

  add(text: string): void {
    this.texts.push(text)
    for (const wake of this.#waiting) wake()
  }

  async arrived(count: number): Promise<void> {
    while (this.texts.length < count) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#waiting.add(resolve)
      await promise
      this.#waiting.delete(resolve)
    }
  }
}
