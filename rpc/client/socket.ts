/** The part of the WebSocket standard that the client uses. */
export interface SocketLike {
  onopen: ((event: never) => void) | null
  onmessage: ((event: never) => void) | null
  onclose: ((event: never) => void) | null
  onerror: ((event: never) => void) | null
  send(text: string): void
  close(code?: number, reason?: string): void
}

/** A WebSocket class: that of the platform, of undici or of `ws`. */
export type SocketClass = new (url: string, protocols: string[]) => SocketLike

export type Token = string | (() => string | Promise<string>)

/** Subprotocol that the gateway selects; the one with the token is never echoed. */
const PROTOCOL = 'flynn.v1'

/** Subprotocols to offer: browsers cannot set headers on a handshake. */
export function protocolsOf(token: string | undefined): string[] {
  return token ? [PROTOCOL, `bearer.${base64url(token)}`] : [PROTOCOL]
}

function base64url(text: string): string {
  const bytes = Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('')
  return btoa(bytes).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

/**
 * Address of the socket. `http` becomes `ws`; in a page a relative address starts from the page.
 * @throws TypeError for an invalid address
 */
export function socketUrl(url: string | URL): string {
  const { location } = globalThis as { location?: { href: string } }
  const parsed = new URL(url, location?.href)
  parsed.protocol = parsed.protocol.replace(/^http/, 'ws')
  parsed.hash = ''
  return parsed.href
}

/** A name that no one guesses and that occurs once. `crypto.randomUUID` is missing in pages over plain http. */
export function uniqueId(): string {
  const hex = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
