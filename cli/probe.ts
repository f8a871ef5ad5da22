import { type IncomingMessage, request as plain } from 'node:http'
import { request as secure } from 'node:https'
import { json } from 'node:stream/consumers'
import type { Target } from './target.ts'

/** Longer than a live gateway takes, shorter than a user waits. */
const PATIENCE_MS = 5000

export interface Health {
  /** HTTP status. */
  readonly status: number
  /** Answer of a gateway; with a credential it includes the version. */
  readonly body?: { readonly status?: unknown; readonly version?: unknown; readonly uptime?: unknown }
}

/**
 * Asks `/health`.
 * @param anyCertificate for those who tell no token: it is then not looked at whose certificate it is
 * @throws system error when there is no answer
 */
export function askHealth(target: Target, { anyCertificate = false } = {}): Promise<Health> {
  return ask<NonNullable<Health['body']>>(target, { path: '/health', patienceMs: PATIENCE_MS, anyCertificate })
}

interface Question {
  readonly path: string
  /** Absent: a GET; else a POST of this as JSON. */
  readonly body?: object
  readonly patienceMs: number
  readonly anyCertificate?: boolean
}

/**
 * One request over HTTP. `body` of the answer is absent when it is not JSON.
 * @throws Error of the system when nothing answers
 */
export async function ask<T extends object>(
  { url, token, certificate }: Target,
  { path, body: sent, patienceMs, anyCertificate = false }: Question
): Promise<{ readonly status: number; readonly body?: T }> {
  const isSecure = url.startsWith('https:')
  const request = (isSecure ? secure : plain)(`${url}${path}`, {
    method: sent ? 'POST' : 'GET',
    agent: false,
    signal: AbortSignal.timeout(patienceMs),
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(sent ? { 'content-type': 'application/json' } : {})
    },
    ...(isSecure ? trust(certificate, anyCertificate) : {})
  })
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  request
    .once('response', resolve)
    .once('error', reject)
    .end(sent && JSON.stringify(sent))
  const response = await promise
  const body = await json(response).catch(() => undefined)
  return { status: response.statusCode ?? 0, ...(body && typeof body === 'object' ? { body: body as T } : {}) }
}

function trust(certificate: Buffer | undefined, anyCertificate: boolean) {
  if (anyCertificate) return { rejectUnauthorized: false }
  return certificate ? pinned(certificate) : {}
}

/** Trusts this certificate alone, with any name: the file is the gateway's own. */
export function pinned(certificate: Buffer) {
  return { ca: certificate, allowPartialTrustChain: true, checkServerIdentity: () => undefined }
}
