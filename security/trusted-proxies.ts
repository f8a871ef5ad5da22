import type { IncomingHttpHeaders } from 'node:http'
import ipaddr from 'ipaddr.js'
import { isLoopback } from './address.ts'

/** Decides if a peer is a trusted proxy. `hop` is 0 for the TCP peer, 1 for the address that it reports, and so on. */
export type Trust = (address: string, hop: number) => boolean

/**
 * Reads `server.trusted_proxies`: addresses, networks, `loopback`, or a number of hops.
 * @throws Error for an entry that is none of them
 */
export function trustOf(entries: readonly string[]): Trust {
  const tests = entries.map((entry): Trust => {
    if (entry === 'loopback') return (address) => isLoopback(address)
    if (/^\d{1,2}$/.test(entry)) return (_address, hop) => hop < Number(entry)
    const [network, bits] = ipaddr.isValidCIDR(entry) ? ipaddr.parseCIDR(entry) : exactly(entry)
    return (address) => {
      if (!ipaddr.isValid(address)) return false
      const ip = ipaddr.process(address)
      return ip.kind() === network.kind() && ip.match(network, bits)
    }
  })
  return (address, hop) => tests.some((test) => test(address, hop))
}

function exactly(address: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  const ip = ipaddr.process(address)
  return [ip, ip.kind() === 'ipv4' ? 32 : 128]
}

/** Longest header that is read. More hops than that have no proxy in common. */
const MAX_HEADER = 4096

/**
 * Brings the headers of a trusted proxy into one form, `X-Forwarded-*`, which Fastify reads: `Forwarded` (RFC 7239) is translated, ports
 * and brackets of addresses are removed. When a request has both forms and they disagree about the client, one of them was sent by the
 * client itself: both are removed, and the address of the proxy counts.
 */
export function normalizeForwarded(headers: IncomingHttpHeaders): void {
  const { forwarded, 'x-forwarded-for': list } = headers
  const addresses = typeof list === 'string' && list.length <= MAX_HEADER ? list.split(',').map(bareAddress) : []
  const elements = typeof forwarded === 'string' && forwarded.length <= MAX_HEADER ? forwardedElements(forwarded) : []
  const own = addresses.at(-1)
  const other = elements.at(-1)
  const client = other?.for === undefined ? undefined : bareAddress(other.for)
  if (own !== undefined && client !== undefined && own !== client) {
    for (const name of ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'forwarded']) delete headers[name]
    return
  }
  if (own !== undefined) headers['x-forwarded-for'] = addresses.join(', ')
  else if (client !== undefined)
    headers['x-forwarded-for'] = elements.map((element) => bareAddress(element.for ?? 'unknown')).join(', ')
  if (other?.host !== undefined) headers['x-forwarded-host'] ??= other.host
  if (other?.proto !== undefined) headers['x-forwarded-proto'] ??= other.proto
}

/** `"[2001:db8::1]:4711"` → `2001:db8::1`, `192.0.2.1:80` → `192.0.2.1`. */
function bareAddress(text: string): string {
  const trimmed = text.trim()
  return /^\[([^\]]+)\](?::\d+)?$/.exec(trimmed)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(trimmed)?.[1] ?? trimmed
}

/** The elements of a `Forwarded` header, one a proxy: `for=192.0.2.1;proto=https;host=example.com`. */
function forwardedElements(header: string): Readonly<Record<string, string>>[] {
  const elements: Record<string, string>[] = [{}]
  // A pair, or a separator; anything else makes the header unreadable.
  const token = /\s*(?:([\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*))|([,;]))\s*/y
  while (token.lastIndex < header.length) {
    const match = token.exec(header)
    if (!match) return []
    const [, name, quoted, plain, separator] = match
    if (name !== undefined) elements.at(-1)![name.toLowerCase()] = quoted?.replace(/\\(.)/g, '$1') ?? plain ?? ''
    else if (separator === ',') elements.push({})
  }
  return elements
}
