import { DeliveryError } from './define.ts'

/** Of an answer; nobody has to say more, and nobody may fill the memory. */
const MAX_BYTES = 4 * 1024 * 1024

/** What a platform answered. */
export interface Exchanged {
  readonly status: number
  readonly headers: Headers
  /** Undefined when it is no JSON. */
  readonly json: unknown
}

/**
 * One request to a platform. Redirects are not followed: they would carry the credentials along.
 * @throws DeliveryError when there is no answer: it is not known then whether the request has arrived
 */
export async function exchange(url: string, init: RequestInit & { readonly signal: AbortSignal }): Promise<Exchanged> {
  try {
    const response = await fetch(url, { ...init, redirect: 'manual' })
    const { status, headers } = response
    return { status, headers, json: jsonOf(await textOf(response)) }
  } catch (cause) {
    // What is wrong with a connection stands in the cause; the URL may hold a credential.
    const { code } = ((cause as Error).cause ?? cause) as { code?: string }
    throw new DeliveryError(`no answer from ${new URL(url).host}: ${code ?? (cause as Error).name}`, { retryable: true, cause })
  }
}

/** Whether a platform has taken a message: 2xx. @throws DeliveryError; 429 and 5xx can be tried again unless `once` */
export function accepted({ status, headers }: Exchanged, { once = false }: { readonly once?: boolean } = {}): void {
  if (status >= 200 && status < 300) return
  const retryable = status === 429 || (status >= 500 && !once)
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  throw new DeliveryError(`the platform answered ${status}`, {
    retryable,
    ...(seconds >= 0 ? { retryAfterMs: seconds * 1000 } : {})
  })
}

async function textOf({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.length
    if (bytes > MAX_BYTES) throw new Error('the answer is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
