import ipaddr from 'ipaddr.js'

/** Whether a TCP peer is this machine: `127.0.0.0/8`, `::1` or `::ffff:127.x`. An unknown peer (a Unix socket) is not. */
export function isLoopback(address: string | undefined): boolean {
  return address !== undefined && ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback'
}

/**
 * The one name under which failures of an address are counted, `undefined` when it is no IP address.
 * `::ffff:1.2.3.4` is `1.2.3.4` (else both families have a budget each); IPv6 counts by /64, what one subscriber owns;
 * all of loopback is one, since a local process picks its source address from 16 million.
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
