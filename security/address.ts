import ipaddr from 'ipaddr.js'

/** Tells if a TCP peer is this machine: `127.0.0.0/8`, `::1` or `::ffff:127.x`. False for an unknown peer (a Unix socket). */
export function isLoopback(address: string | undefined): boolean {
  return address !== undefined && ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback'
}

/**
 * Key under which failures of an address are counted, `undefined` when it is not an IP address.
 * `::ffff:1.2.3.4` counts as `1.2.3.4`, otherwise each family would have its own budget. IPv6 counts by /64, the network of one
 * subscriber. All loopback addresses share one key, because a local process can pick its source address from 16 million.
 */
export function bucketOf(address: string | undefined): string | undefined {
  if (address === undefined || !ipaddr.isValid(address)) return undefined
  const ip = ipaddr.process(address)
  if (ip.range() === 'loopback') return 'loopback'
  if (ip instanceof ipaddr.IPv4) return ip.toString()
  return `${ip.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`
}
