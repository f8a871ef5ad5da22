import { createECDH, randomBytes } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import ece from 'http_ece'

export const SUBJECT = 'mailto:ops@example.com'

/** The configuration of a gateway that sends to push services on this machine. */
export const webchat = (changes: object = {}) => ({
  push: { enabled: true, subject: SUBJECT, allowInsecureHosts: ['127.0.0.1'], ...changes }
})

/** `PushSubscription.toJSON()` of a browser with this endpoint, and its decryption. */
export function browser(endpoint: string) {
  const ecdh = createECDH('prime256v1')
  ecdh.generateKeys()
  const auth = randomBytes(16).toString('base64url')
  const read = (body: Buffer): Buffer => ece.decrypt(body, { version: 'aes128gcm', privateKey: ecdh, authSecret: auth })
  return {
    subscription: { endpoint, expirationTime: null, keys: { p256dh: ecdh.getPublicKey('base64url'), auth } },
    read
  }
}

export interface Push {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface PushAnswer {
  readonly status?: number
  readonly headers?: Record<string, string>
}

/** A server on the loopback that plays a push service, and remembers what it was sent. */
export async function startPushService(t: TestContext, answer: (push: Push) => PushAnswer = () => ({})) {
  const pushes: Push[] = []
  const waiting = new Set<() => void>()
  const listener: RequestListener = async (incoming, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk)
    const push = { path: incoming.url ?? '', headers: incoming.headers, body: Buffer.concat(chunks) }
    pushes.push(push)
    const { status = 201, headers = {} } = answer(push)
    response.writeHead(status, headers).end('an ignored body')
    for (const wake of waiting) wake()
  }
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => new Promise((resolve) => server.close(resolve).closeAllConnections()))
  const arrived = async (count: number): Promise<void> => {
    while (pushes.length < count) {
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.add(resolve)
      await promise
      waiting.delete(resolve)
    }
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, pushes, arrived }
}
