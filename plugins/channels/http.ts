import type { Agent } from 'undici'
import { MAX_ATTACHMENT_BYTES } from '../../rpc/schemas/agent.ts'
import { publicConnector } from '../../security/public-address.ts'
import type { Attachment } from '../providers/define.ts'
import { DeliveryError, type LostFile } from './define.ts'

/** Bytes of a response body that are read. */
export const MAX_BYTES = 4 * 1024 * 1024
const FILE_TIMEOUT_MS = 30_000

/** Response of a platform. */
export interface Exchanged {
  readonly status: number
  readonly headers: Headers
  /** Undefined for a body that is no JSON, too long, or broken off. */
  readonly json: unknown
}

/** Errors of a connection that was never made: the request has certainly not arrived. */
const UNSENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'])

/**
 * Sends one request to a platform. Redirects are not followed: they would carry the credentials along.
 * @param init with a `dispatcher` of undici, where not every address may be reached
 * @param options.once a second request would be a second message: it can be tried again only when it has certainly not arrived
 * @param options.maxBytes bytes of the response body that are read; 4 MiB unless given
 * @throws DeliveryError without a response
 */
export async function exchange(
  url: string,
  init: RequestInit & { readonly signal: AbortSignal },
  { once = false, maxBytes = MAX_BYTES }: { readonly once?: boolean; readonly maxBytes?: number } = {}
): Promise<Exchanged> {
  try {
    const response = await fetch(url, { ...init, redirect: 'manual' })
    const { status, headers } = response
    return { status, headers, json: await jsonOf(response, maxBytes) }
  } catch (cause) {
    if ((cause as Error).cause instanceof DeliveryError) throw (cause as Error).cause
    // The cause names the error of the connection. The URL may hold a credential.
    const { code } = ((cause as Error).cause ?? cause) as { code?: string }
    const text = `no answer from ${new URL(url).host}: ${code ?? (cause as Error).name}`
    throw new DeliveryError(text, { retryable: !once || UNSENT.has(String(code)), cause })
  }
}

/** Accepts a 2xx. @throws DeliveryError for other statuses; 429 and 5xx can be tried again, with `once` only 429 */
export function accepted({ status, headers }: Exchanged, { once = false }: { readonly once?: boolean } = {}): void {
  if (status >= 200 && status < 300) return
  const retryable = status === 429 || (status >= 500 && !once)
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  throw new DeliveryError(`the platform answered ${status}`, {
    retryable,
    ...(seconds >= 0 ? { retryAfterMs: seconds * 1000 } : {})
  })
}

/** Source of a file, and its name and type as its sender declares them. */
export interface RemoteFile {
  readonly url: string
  readonly filename?: string | undefined
  readonly mimeType: string
  /** Bytes, where they are known before. */
  readonly size?: number | undefined
  readonly headers?: Record<string, string>
  readonly dispatcher?: RequestInit['dispatcher']
}

/** Fetches a file of a message. A file that cannot be fetched is lost; it never costs the message. */
export async function fetchFile({
  url,
  filename,
  mimeType,
  size = 0,
  headers = {},
  dispatcher
}: RemoteFile): Promise<Attachment | LostFile> {
  if (size > MAX_ATTACHMENT_BYTES) return { filename, lost: 'it is too large' }
  try {
    const signal = AbortSignal.timeout(FILE_TIMEOUT_MS)
    const response = await fetch(url, { headers, signal, redirect: 'manual', ...(dispatcher ? { dispatcher } : {}) })
    const data = response.status === 200 ? await bytesOf(response, MAX_ATTACHMENT_BYTES) : undefined
    if (data === undefined) await response.body?.cancel()
    if (data === undefined) return { filename, lost: response.status === 200 ? 'it is too large' : 'it could not be fetched' }
    const declared = response.headers.get('content-type')
    const type = mimeType === 'application/octet-stream' && declared ? declared.split(';', 1)[0]! : mimeType
    const attachment = { mimeType: type, data: data.toString('base64') }
    return filename === undefined ? attachment : { ...attachment, filename }
  } catch {
    // The error names the URL, which may hold a credential.
    return { filename, lost: 'it could not be fetched' }
  }
}

/** Connects to public addresses only, and to the hosts given. To be destroyed by the caller. */
export async function publicAgent(
  { allowHosts, hint = '' }: { readonly allowHosts: readonly string[]; readonly hint?: string },
  signal: AbortSignal
): Promise<Agent> {
  const refused = (reason: string): Error => new DeliveryError(`${reason}${hint}`, { retryable: false })
  const { Agent } = await import('undici')
  return new Agent({ connect: await publicConnector({ allowHosts, refused }, signal) })
}

/** Node's fetch is that of undici, with types of its own. */
export function forFetch(agent: Agent): NonNullable<RequestInit['dispatcher']> {
  return agent as unknown as NonNullable<RequestInit['dispatcher']>
}

/** The platform has answered already: an unreadable body is no reason to send anything again. */
async function jsonOf(response: Response, maxBytes: number): Promise<unknown> {
  try {
    const bytes = await bytesOf(response, maxBytes)
    return bytes && JSON.parse(bytes.toString())
  } catch {
    return undefined
  }
}

/** Undefined: the body is larger. */
async function bytesOf({ body }: Response, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.length
    if (bytes > maxBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
