/** @import { Admission } from './client.js' */

const TIMEOUT_MS = 15_000

/**
 * Authentication of the page. The token is either exchanged for a cookie that no script can read, or kept in this object until
 * the page closes. It is never in a URL and never in storage.
 */
export class Access {
  /** Milliseconds that the gateway's clock, which all its times use, is ahead of the browser's. Accurate to one second. */
  aheadMs = 0
  #base
  /** @type {string | undefined} */
  #token

  /** @param {string} base the page's own URL */
  constructor(base) {
    this.#base = base
  }

  /** True while a token is kept in memory. */
  get holdsToken() {
    return this.#token !== undefined
  }

  /** Subprotocols of the socket. They carry the token, because a browser cannot set headers on a WebSocket. */
  protocols() {
    return this.#token === undefined ? ['flynn.v1'] : ['flynn.v1', `bearer.${base64url(this.#token)}`]
  }

  /**
   * Checks over HTTP that the gateway accepts our credentials. A failed WebSocket handshake shows a page neither status nor message.
   * @returns {Promise<Admission>}
   */
  admit() {
    return this.#ask('api/health', { headers: this.headers() })
  }

  /**
   * Headers of an HTTP request. The browser adds the cookie by itself.
   * @returns {Record<string, string>}
   */
  headers() {
    // fetch takes headers byte by byte; the gateway reads the bytes of a token as UTF-8.
    return this.#token === undefined ? {} : { authorization: `Bearer ${bytes(this.#token)}` }
  }

  /**
   * @param {string} token
   * @param {boolean} remember on this device: as a cookie
   * @returns {Promise<Admission>}
   */
  async logIn(token, remember) {
    this.#token = remember ? undefined : token
    if (!remember) return {}
    const body = JSON.stringify({ token })
    return await this.#ask('auth/session', { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  }

  /** @returns {Promise<Admission>} */
  async logOut() {
    this.#token = undefined
    return await this.#ask('auth/session', { method: 'DELETE' })
  }

  /** Drops a token that turned out to be wrong. */
  forget() {
    this.#token = undefined
  }

  /**
   * @param {string} path
   * @param {RequestInit} init
   * @returns {Promise<Admission>}
   */
  async #ask(path, init) {
    try {
      const url = new URL(path, this.#base)
      const response = await fetch(url, { ...init, cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS) })
      const date = Date.parse(response.headers.get('date') ?? '')
      // The header has whole seconds. Assuming the end of that second, a countdown never shows more time than remains.
      if (!Number.isNaN(date)) this.aheadMs = date + 1000 - Date.now()
      if (response.ok) return {}
      const { error } = await response.json().catch(() => ({}))
      const message = error?.message ?? `The gateway answered with HTTP status ${response.status}.`
      if (response.status === 429)
        return { retry: { afterMs: Number(response.headers.get('retry-after') ?? 60) * 1000, reason: message } }
      if (response.status >= 500) return { retry: { reason: message } }
      return { refused: { code: error?.code ?? -5, message } }
    } catch {
      return { retry: { reason: 'The gateway cannot be reached.' } }
    }
  }
}

/**
 * The UTF-8 bytes of a text, each as one character.
 * @param {string} text
 */
function bytes(text) {
  return String.fromCharCode(...new TextEncoder().encode(text))
}

/** @param {string} text */
function base64url(text) {
  return btoa(bytes(text)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}
