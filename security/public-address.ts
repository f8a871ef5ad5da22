import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { buildConnector } from 'undici'

/** Names to addresses, all of them. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>

export interface PublicAddressOptions {
  /** `host` or `host:port` that may be reached although it is private. */
  readonly allowHosts?: readonly string[]
  readonly resolve?: Resolve
  /** Whether an address belongs to the public internet. */
  readonly isPublic?: (address: string) => boolean
  /** Makes the error that a connection fails with which is not let through; the reason names the host. */
  readonly refused?: (reason: string) => Error
}

const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')

/**
 * Whether an address is one of the public internet: not private, loopback, link-local, shared (100.64/10), multicast,
 * reserved, nor an IPv6 form that carries an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo), which the network
 * may turn into any of those.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.parse(address)
  if (parsed.range() !== 'unicast') return false
  // ipaddr.js takes what it has no name for as unicast, ::7f00:1 (an old way to write 127.0.0.1) among it.
  return parsed.kind() === 'ipv4' || parsed.match(GLOBAL_UNICAST)
}

const resolveAll: Resolve = (hostname) => lookup(hostname, { all: true, verbatim: true })

/**
 * A connector for undici that connects to public addresses only. The check belongs here and nowhere else: every
 * connection of every redirect passes it, and the address that was checked is the one that is dialled, so that a name
 * which answers differently the next time (DNS rebinding) gains nothing. Once `signal` is aborted nothing is dialled.
 */
export async function publicConnector(
  { allowHosts = [], resolve = resolveAll, isPublic = isPublicAddress, refused = Error }: PublicAddressOptions,
  signal: AbortSignal
): Promise<buildConnector.connector> {
  // Loaded at the first use: a gateway that fetches nothing starts without it.
  const { buildConnector } = await import('undici')
  const allowed = new Set(allowHosts.map((host) => host.toLowerCase()))

  async function addressesOf(hostname: string, port: string): Promise<readonly LookupAddress[]> {
    const family = isIP(hostname)
    const addresses = family ? [{ address: hostname, family }] : await resolve(hostname)
    if (addresses.length === 0) throw refused(`${hostname} has no address`)
    const host = hostOf(hostname)
    // One private address among public ones is no accident: the whole name is refused.
    if (!allowed.has(host) && !allowed.has(`${host}:${port}`) && !addresses.every(({ address }) => isPublic(address))) {
      throw refused(`${hostname} is not a public address`)
    }
    return addresses
  }

  return ({ port: given, ...options }, callback) => {
    const port = given || (options.protocol === 'https:' ? '443' : '80')
    unlessAborted(signal, addressesOf(options.hostname, port)).then(
      (addresses) => {
        const connect = buildConnector({ allowH2: false, lookup: pinned(addresses), signal })
        connect({ ...options, port }, callback)
      },
      (cause: Error) => callback(cause, null)
    )
  }
}

/** undici waits for its connector, whatever its own signal says, and a name server cannot be told to stop. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  try {
    return await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** As a URL writes it: lower case, IPv6 in brackets, without the dot that may end a name. */
function hostOf(hostname: string): string {
  return isIP(hostname) === 6 ? `[${hostname}]` : hostname.toLowerCase().replace(/\.$/, '')
}

function pinned(addresses: readonly LookupAddress[]): LookupFunction {
  return (_hostname, { all }, callback) => {
    if (all) callback(null, [...addresses])
    else callback(null, addresses[0]!.address, addresses[0]!.family)
  }
}
