import type { Admission } from '../../rpc/client/index.ts'

const TIMEOUT_MS = 15_000

/**
 * Credential of the pages. A token is either exchanged for a cookie that no script can read, or kept in this object until the page
 * closes. It is never in a URL and never in storage.
 */
export class Access {
  readonly #base: URL
  /** Lead of the gateway's clock over this one, to the second. */
  #aheadMs = 0
  #token: string | undefined

  /** @param base URL of the gateway, with a slash at its end */
  constructor(base: URL) {
    this.#base = base
  }

  /** The token for the socket. Undefined with a cookie, or without any. */
  get token(): string | undefined {
    return this.#token
  }

  /** Checks over HTTP that the gateway accepts the credential: a page cannot see why the handshake of a socket failed. */
  admit(): Promise<Admission> {
    return this.#ask('api/health', { headers: this.headers() })
  }

  /** Takes a token; with `remember` it becomes a cookie of this browser for 30 days. */
  async logIn(token: string, remember: boolean): Promise<Admission> {
    this.#token = remember ? undefined : token
    if (!remember) return {}
    const body = JSON.stringify({ token })
    return this.#ask('auth/session', { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  }

  /** Forgets the token and ends the login of the cookie. */
  async logOut(): Promise<Admission> {
    this.#token = undefined
    return this.#ask('auth/session', { method: 'DELETE' })
  }

  /** The time now by the gateway's clock, epoch milliseconds: what expires there counts down by it. */
  now(): number {
    return Date.now() + this.#aheadMs
  }

  /**
   * Bytes of a stored file.
   * @throws Error with the gateway's reason
   */
  async file(id: string): Promise<Blob> {
    const response = await fetch(new URL(`attachments/${encodeURIComponent(id)}`, this.#base), { headers: this.headers() })
    if (response.ok) return response.blob()
    throw new Error((await failureOf(response)).message)
  }

  /** Headers of the credential, for requests over HTTP. */
  headers(): Record<string, string> {
    // fetch takes headers byte by byte; the gateway reads the bytes of a token as UTF-8.
    if (this.#token === undefined) return {}
    return { authorization: `Bearer ${String.fromCharCode(...new TextEncoder().encode(this.#token))}` }
  }

  async #ask(path: string, init: RequestInit): Promise<Admission> {
    try {
      const response = await fetch(new URL(path, this.#base), {
        ...init,
        cache: 'no-store',
        signal: AbortSignal.timeout(TIMEOUT_MS)
      })
      const date = Date.parse(response.headers.get('date') ?? '')
      // The header has whole seconds. With the end of that second, a countdown never shows more time than remains.
      if (!Number.isNaN(date)) this.#aheadMs = date + 1000 - Date.now()
      if (response.ok) return {}
      const { code = -5, message } = await failureOf(response)
      const afterMs = Number(response.headers.get('retry-after') ?? 60) * 1000
      if (response.status === 429) return { retry: { afterMs, reason: message } }
      if (response.status >= 500) return { retry: { reason: message } }
      return { refused: { code, message } }
    } catch {
      return { retry: { reason: 'The gateway cannot be reached.' } }
    }
  }
}

async function failureOf(response: Response): Promise<{ readonly code?: number; readonly message: string }> {
  const { error } = (await response.json().catch(() => ({}))) as { error?: { code?: number; message?: string } }
  return { message: `The gateway answered with HTTP status ${response.status}.`, ...error }
}
