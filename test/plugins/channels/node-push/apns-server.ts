import { createServer, type IncomingHttpHeaders } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export interface ApnsRequest {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  // biome-ignore lint/suspicious/noExplicitAny: payloads of every shape
  readonly json: any
}

export interface ApnsAnswer {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly text?: string
}

/** A server on the loopback that plays APNs over HTTP/2, without TLS; `undefined`: it breaks off. */
export async function startApns(t: TestContext, answer: (request: ApnsRequest) => ApnsAnswer | undefined = () => ({})) {
  const requests: ApnsRequest[] = []
  const sessions = new Set<{ destroy(): void }>()
  const server = createServer()
  server.on('session', (session) => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
  })
  server.on('stream', async (stream, headers) => {
    const chunks: Buffer[] = []
    for await (const chunk of stream) chunks.push(chunk)
    const request = { path: headers[':path'] ?? '', headers, json: JSON.parse(String(Buffer.concat(chunks))) }
    requests.push(request)
    const said = answer(request)
    if (!said) return stream.session?.destroy()
    const { status = 200, headers: more = {}, text = '' } = said
    stream.on('error', () => {})
    stream.respond({ ':status': status, 'apns-id': 'id-1', ...more })
    stream.end(text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const session of sessions) session.destroy()
    return new Promise((resolve) => server.close(resolve))
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}
