import { isLoopback } from '../../security/address.ts'

/** A host with an optional port and nothing else: `new URL('http://evil@localhost')` would have the host `localhost`. */
const AUTHORITY = /^(?:\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i

/** Which web pages may talk to the gateway. */
export class Origins {
  readonly #listed = new Set<string>()
  readonly #hostnames = new Set<string>()

  /** `server.allowed_origins`; the configuration lets nothing pass that is no origin. */
  constructor(listed: readonly string[] = []) {
    for (const entry of listed) {
      const url = new URL(entry)
      this.#listed.add(originOf(url))
      this.#hostnames.add(url.hostname.toLowerCase())
    }
  }

  /** True for a listed origin. */
  lists(origin: string): boolean {
    const url = URL.parse(origin)
    return url !== null && isBare(url) && this.#listed.has(originOf(url))
  }

  /**
   * True if a request with this `Origin` may open a socket or change something: no browser (none given), the gateway's own page
   * (same host and port; the scheme may differ, TLS often ends at a proxy), or a listed one. `null` (a sandboxed frame, a file) is neither.
   */
  allows(origin: string | undefined, host: string): boolean {
    if (origin === undefined) return true
    if (this.lists(origin)) return true
    const url = URL.parse(origin)
    if (!url || !isBare(url)) return false
    return (url.protocol === 'http:' || url.protocol === 'https:') && parseHost(host, url.protocol)?.host === url.host
  }

  /**
   * True if a name in `Host` can only be this gateway's. A page that rebinds its own name to 127.0.0.1 counts as same-origin
   * to the browser; the name it was loaded under is all that gives it away.
   */
  knowsHost(host: string | undefined): boolean {
    const name = parseHost(host)?.hostname
    if (name === undefined) return false
    return (
      name === 'localhost' || name.endsWith('.localhost') || isLoopback(name.replace(/^\[|\]$/g, '')) || this.#hostnames.has(name)
    )
  }
}

/** A `Host` header, read as a browser on a page of that scheme would write it; `undefined` when it is not one. */
export function parseHost(host: string | undefined, protocol = 'http:'): URL | undefined {
  return host !== undefined && AUTHORITY.test(host) ? (URL.parse(`${protocol}//${host}`) ?? undefined) : undefined
}

function isBare({ pathname, search, hash, username, password }: URL): boolean {
  return (pathname === '/' || pathname === '') && `${search}${hash}${username}${password}` === ''
}

/** `URL.origin` is `null` for schemes the URL standard does not know, such as `chrome-extension:`. */
function originOf({ protocol, host }: URL): string {
  return `${protocol}//${host}`.toLowerCase()
}
