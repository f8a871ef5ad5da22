import { type IncomingMessage, request as plain } from 'node:http'
import { request as secure } from 'node:https'
import { json } from 'node:stream/consumers'
import type { Target } from './target.ts'

/** Longer than a gateway takes that is alive, shorter than whoever asks is willing to wait. */
const PATIENCE_MS = 5000

export interface Health {
  /** HTTP status. */
  readonly status: number
  /** What a gateway says; with a credential also its version. */
  readonly body?: { readonly status?: unknown; readonly version?: unknown; readonly uptime?: unknown }
}

/**
 * Asks `/health`.
 * @param anyCertificate for those who tell no token: it is then not looked at whose certificate it is
 * @throws Error of the system when nobody answers
 */
export async function askHealth({ url, token, certificate }: Target, { anyCertificate = false } = {}): Promise<Health> {
  const isSecure = url.startsWith('https:')
  const request = (isSecure ? secure : plain)(`${url}/health`, {
    agent: false,
    signal: AbortSignal.timeout(PATIENCE_MS),
    ...(token ? { headers: { authorization: `Bearer ${token}` } } : {}),
    ...(isSecure ? trust(certificate, anyCertificate) : {})
  })
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  request.once('response', resolve).once('error', reject).end()
  const response = await promise
  const body = await json(response).catch(() => undefined)
  return { status: response.statusCode ?? 0, ...(body && typeof body === 'object' ? { body } : {}) }
}

function trust(certificate: Buffer | undefined, anyCertificate: boolean) {
  if (anyCertificate) return { rejectUnauthorized: false }
  return certificate ? pinned(certificate) : {}
}

/** Trusts this certificate and no other, whatever name it has: the file is the gateway's own. */
export function pinned(certificate: Buffer) {
  return { ca: certificate, allowPartialTrustChain: true, checkServerIdentity: () => undefined }
}
