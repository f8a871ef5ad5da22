import { DeliveryError } from './define.ts'

/** Of an answer; nobody has to say more, and nobody may fill the memory. */
export const MAX_BYTES = 4 * 1024 * 1024

/** What a platform answered. */
export interface Exchanged {
  readonly status: number
  readonly headers: Headers
  /** Undefined when it is no JSON, too long, or broke off. */
  readonly json: unknown
}

/** Nobody was there to take a request: it has surely not arrived. */
const NOBODY = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'])

/**
 * One request to a platform. Redirects are not followed: they would carry the credentials along.
 * @param init with a `dispatcher` of undici, where not every address may be reached
 * @param options.once where a second request would be a second message: it can be tried again only when it has surely not arrived
 * @throws DeliveryError when there is no answer
 */
export async function exchange(
  url: string,
  init: RequestInit & { readonly signal: AbortSignal },
  { once = false }: { readonly once?: boolean } = {}
): Promise<Exchanged> {
  try {
    const response = await fetch(url, { ...init, redirect: 'manual' })
    const { status, headers } = response
    return { status, headers, json: await jsonOf(response) }
  } catch (cause) {
    if ((cause as Error).cause instanceof DeliveryError) throw (cause as Error).cause
    // What is wrong with a connection stands in the cause; the URL may hold a credential.
    const { code } = ((cause as Error).cause ?? cause) as { code?: string }
    const text = `no answer from ${new URL(url).host}: ${code ?? (cause as Error).name}`
    throw new DeliveryError(text, { retryable: !once || NOBODY.has(String(code)), cause })
  }
}

/** Whether a platform has taken a message: 2xx. @throws DeliveryError; 429 and 5xx can be tried again, with `once` only 429 */
export function accepted({ status, headers }: Exchanged, { once = false }: { readonly once?: boolean } = {}): void {
  if (status >= 200 && status < 300) return
  const retryable = status === 429 || (status >= 500 && !once)
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  throw new DeliveryError(`the platform answered ${status}`, {
    retryable,
    ...(seconds >= 0 ? { retryAfterMs: seconds * 1000 } : {})
  })
}

/** The platform has answered already: what it says beyond that may be missing, and is no reason to send anything again. */
async function jsonOf({ body }: Response): Promise<unknown> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of body ?? []) {
      bytes += chunk.length
      if (bytes > MAX_BYTES) return undefined
      chunks.push(chunk)
    }
    return JSON.parse(Buffer.concat(chunks).toString())
  } catch {
    return undefined
  }
}
