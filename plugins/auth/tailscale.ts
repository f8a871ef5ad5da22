import type { IncomingHttpHeaders } from 'node:http'
import ipaddr from 'ipaddr.js'
import { isLoopback } from '../../security/address.ts'
import { type Origins, parseHost } from './origin.ts'

const MAX_LOGIN_LENGTH = 256

export interface TailscaleSettings {
  readonly tailscaleIdentity: boolean
  /** Absent: every login of the tailnet. Empty: none. */
  readonly tailscaleAllowedLogins?: readonly string[] | undefined
}

/** Login that `tailscale serve` reports, or the reason why it is ignored. `undefined`: no header, or the setting is off. */
export type Identity = { readonly login: string } | { readonly ignored: string } | undefined

/**
 * Reads `Tailscale-User-Login` (tailscale, ipn/ipnlocal/serve.go: set on each request after removing what the client sent).
 * Anybody who reaches the port directly can send the header too, so every sign that the request came another way voids it.
 */
export class Tailscale {
  readonly #enabled: boolean
  readonly #allowed: ReadonlySet<string> | undefined
  readonly #origins: Origins

  constructor({ tailscaleIdentity, tailscaleAllowedLogins }: TailscaleSettings, origins: Origins) {
    this.#enabled = tailscaleIdentity
    this.#allowed = tailscaleAllowedLogins && new Set(tailscaleAllowedLogins.map((login) => login.toLowerCase()))
    this.#origins = origins
  }

  /** `peer` is the address at the other end of the TCP connection, never one that a header told. */
  identify(headers: IncomingHttpHeaders, peer: string | undefined): Identity {
    const header = headers['tailscale-user-login']
    if (!this.#enabled || typeof header !== 'string') return undefined
    // Compared as sent: a login outside ASCII is RFC 2047 encoded, and decoding could make two of them equal.
    const login = header.toLowerCase()
    if (!isLoopback(peer)) return { ignored: 'it did not come from this machine, where tailscale serve connects from' }
    if (!isTailnetAddress(headers['x-forwarded-for'])) return { ignored: 'it did not come through tailscale serve' }
    if (headers['tailscale-funnel-request'] !== undefined) return { ignored: 'Funnel traffic is the public internet' }
    if (!isTailnetHost(headers.host) && !this.#origins.knowsHost(headers.host)) {
      return { ignored: 'the Host is not a name of the tailnet; list its origin in server.allowed_origins' }
    }
    // Node joins a repeated header with commas.
    if (login === '' || login.length > MAX_LOGIN_LENGTH || /[,\p{Cc}]/u.test(login)) return { ignored: 'the login is malformed' }
    if (!this.admits(login)) return { ignored: 'the login is not in server.tailscale_allowed_logins' }
    return { login }
  }

  /** True if this login is accepted, from any request. */
  admits(login: string): boolean {
    return this.#enabled && (this.#allowed?.has(login) ?? true)
  }
}

/** The ranges of a tailnet. */
const TAILNET = [ipaddr.parseCIDR('100.64.0.0/10'), ipaddr.parseCIDR('fd7a:115c:a1e0::/48')]

/**
 * tailscale serve sets `X-Forwarded-For` to the one tailnet address of the caller. Another proxy on this machine that
 * lets the identity header of a stranger through adds the stranger's address, or one more.
 */
function isTailnetAddress(forwardedFor: string | string[] | undefined): boolean {
  if (typeof forwardedFor !== 'string' || !ipaddr.isValid(forwardedFor)) return false
  const address = ipaddr.process(forwardedFor)
  return TAILNET.some((range) => address.kind() === range[0].kind() && address.match(range))
}

/**
 * tailscale serve keeps the `Host` that the browser asked for: `<machine>.<tailnet>.ts.net`, or the bare machine name.
 * A page that rebinds a name of its own to 127.0.0.1 may send any header, these included; neither of those names can be its own.
 */
function isTailnetHost(host: string | undefined): boolean {
  const name = parseHost(host)?.hostname
  return name !== undefined && (name.endsWith('.ts.net') || /^[a-z][\w-]*$/.test(name))
}
