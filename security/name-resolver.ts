import type { LookupAddress } from 'node:dns'
import { Resolver } from 'node:dns/promises'

const TIMEOUT_MS = 5000
/** Never asked of a name server: https://www.rfc-editor.org/rfc/rfc6761#section-6.3. */
const LOCALHOST = /(?:^|\.)localhost\.?$/i
const LOOPBACK = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 }
] as const
/** Names that are looked up at once. */
const MAX_LOOKUPS = 32

export interface NameResolverOptions {
  readonly timeoutMs?: number
  readonly maxLookups?: number
  /** Addresses of name servers, with a port where it is not 53. Default: those of the system. */
  readonly servers?: readonly string[]
}

/** A name could not be looked up. */
class NameError extends Error {
  override readonly name = 'NameError'
  /** `ENOTFOUND`, `ETIMEOUT` and other codes of DNS; `EBUSY` for too many lookups at once. */
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/**
 * Looks up addresses with DNS queries of its own. The lookup of the system occupies one of four threads while a name server is
 * silent: four such names would stop every other lookup and file access of the process. The hosts file is not read.
 */
export class NameResolver {
  readonly #options: Required<Pick<NameResolverOptions, 'timeoutMs' | 'maxLookups'>> & NameResolverOptions
  #lookups = 0

  constructor(options: NameResolverOptions = {}) {
    this.#options = { timeoutMs: TIMEOUT_MS, maxLookups: MAX_LOOKUPS, ...options }
  }

  /**
   * All IPv4 and IPv6 addresses of a name. An abort ends the queries.
   * @throws NameError; the signal's reason
   */
  readonly resolve = async (hostname: string, signal: AbortSignal): Promise<readonly LookupAddress[]> => {
    signal.throwIfAborted()
    if (LOCALHOST.test(hostname)) return LOOPBACK
    const { timeoutMs, maxLookups, servers } = this.#options
    if (this.#lookups >= maxLookups) throw new NameError('EBUSY', `${maxLookups} names are being looked up already`)
    this.#lookups++
    const resolver = new Resolver({ timeout: timeoutMs, tries: 1 })
    if (servers) resolver.setServers(servers)
    const deadline = AbortSignal.timeout(timeoutMs)
    const either = AbortSignal.any([signal, deadline])
    const cancel = (): void => resolver.cancel()
    either.addEventListener('abort', cancel, { once: true })
    try {
      const answers = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)])
      signal.throwIfAborted()
      const addresses = answers.flatMap((answer, index) =>
        answer.status === 'fulfilled' ? answer.value.map((address) => ({ address, family: index === 0 ? 4 : 6 })) : []
      )
      if (addresses.length > 0) return addresses
      const [first] = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as { code?: string }] : []))
      const code = deadline.aborted ? 'ETIMEOUT' : (first?.code ?? 'ENODATA')
      throw new NameError(code, `${hostname} could not be looked up (${code})`)
    } finally {
      either.removeEventListener('abort', cancel)
      this.#lookups--
    }
  }
}
