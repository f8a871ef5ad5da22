import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { buildConnector } from 'undici'
import { NameResolver } from './name-resolver.ts'

/** All addresses of a name. */
export type Resolve = (hostname: string, signal: AbortSignal) => Promise<readonly LookupAddress[]>

export interface PublicAddressOptions {
  /** `host` or `host:port` that may be reached although it is private. */
  readonly allowHosts?: readonly string[]
  /** Default: `names`; for `allowHosts` the lookup of the system, which reads the hosts file. */
  readonly resolve?: Resolve
  /** Bounds the lookups of several connectors together. Default: one of its own. */
  readonly names?: NameResolver
  /** Default: `isPublicAddress`. */
  readonly isPublic?: (address: string) => boolean
  /** Makes the error of a connection that is refused. The reason names the host. */
  readonly refused?: (reason: string) => Error
}

const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')

/**
 * True for an address of the public internet: not private, loopback, link-local, shared (100.64/10), multicast, reserved, nor an
 * IPv6 form that carries an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo), which the network may turn into any of those.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.parse(address)
  if (parsed.range() !== 'unicast') return false
  // ipaddr.js counts unnamed ranges as unicast, among them ::7f00:1, an old way to write 127.0.0.1.
  return parsed.kind() === 'ipv4' || parsed.match(GLOBAL_UNICAST)
}

const ofSystem: Resolve = (hostname) => lookup(hostname, { all: true, verbatim: true })

/**
 * A connector for undici that connects to public addresses only. The check belongs here and nowhere else: every
 * connection of every redirect passes it, and the address that was checked is the one that is dialled, so that a name
 * which answers differently the next time (DNS rebinding) gains nothing. Once `signal` is aborted nothing is dialled.
 */
export async function publicConnector(
  { allowHosts = [], resolve, names = new NameResolver(), isPublic = isPublicAddress, refused = Error }: PublicAddressOptions,
  signal: AbortSignal
): Promise<buildConnector.connector> {
  // Loaded lazily: a gateway that fetches nothing starts without it.
  const { buildConnector } = await import('undici')
  const allowed = new Set(allowHosts.map((host) => host.toLowerCase()))

  async function addressesOf(hostname: string, port: string): Promise<readonly LookupAddress[]> {
    const family = isIP(hostname)
    const host = hostOf(hostname)
    const mayBePrivate = allowed.has(host) || allowed.has(`${host}:${port}`)
    const lookUp = resolve ?? (mayBePrivate ? ofSystem : names.resolve)
    const addresses = family ? [{ address: hostname, family }] : await lookUp(hostname, signal)
    if (addresses.length === 0) throw refused(`${hostname} has no address`)
    // One private address among public ones is no accident: the whole name is refused.
    if (!mayBePrivate && !addresses.every(({ address }) => isPublic(address))) {
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

/** undici waits for its connector, even after its own signal is aborted, and the lookup of the system cannot be aborted. */
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
