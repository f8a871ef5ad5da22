import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'

export interface SignOptions {
  /** Names the key; `false`: the token names none. */
  readonly kid?: string | false
  readonly alg?: string
}

/** An issuer that signs tokens with real keys and publishes them on the loopback. */
export class Issuer {
  /** `http://127.0.0.1:<port>`; its keys are at `/keys`. */
  readonly url: string
  /** Members that are published with each key. */
  extra: Record<string, unknown> = {}
  /** Times that the keys were asked for. */
  asked = 0
  /** It does not answer any more. */
  down = false
  readonly #keys = new Map<string, Awaited<ReturnType<typeof generateKeyPair>>>()

  constructor(server: Server) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('request', async (request, response) => {
      this.asked++
      if (this.down) {
        request.socket.destroy()
        return
      }
      const keys = await Promise.all(
        [...this.#keys].map(async ([kid, { publicKey }]) => ({
          ...(await exportJWK(publicKey)),
          kid,
          use: 'sig',
          alg: 'RS256',
          ...this.extra
        }))
      )
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }))
    })
  }

  get jwksUrl(): string {
    return `${this.url}/keys`
  }

  /** Publishes one more key. */
  async addKey(kid: string): Promise<void> {
    this.#keys.set(kid, await generateKeyPair('RS256', { extractable: true }))
  }

  removeKey(kid: string): void {
    this.#keys.delete(kid)
  }

  /** A token with these claims, good for an hour where they do not say otherwise. */
  async sign(claims: JWTPayload, { kid = 'key-1', alg = 'RS256' }: SignOptions = {}): Promise<string> {
    const key = this.#keys.get(kid || 'key-1')!
    const now = Math.floor(Date.now() / 1000)
    return await new SignJWT({ iat: now, exp: now + 3600, ...claims })
      .setProtectedHeader({ alg, typ: 'JWT', ...(kid === false ? {} : { kid }) })
      .sign(key.privateKey)
  }
}

/** An issuer with a key `key-1`; gone after the test. */
export async function startIssuer(t: TestContext): Promise<Issuer> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => new Promise((resolve) => server.close(resolve).closeAllConnections()))
  const issuer = new Issuer(server)
  await issuer.addKey('key-1')
  return issuer
}
