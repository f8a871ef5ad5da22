import type { Config } from '../../config/index.ts'
import { exchange } from '../http.ts'
import { Refusal } from '../inbound.ts'
import { bearerOf, TokenVerifier } from '../jwt.ts'
import { type Activity, tenantOf } from './activity.ts'

type Settings = Config['teams']

const CHANNEL = 'msteams'
const TOLERANCE_SECONDS = 300
/** Time that the address of the keys is kept. */
const KEPT_MS = 24 * 60 * 60_000

/** Statements of a token about its activity. */
interface Signed {
  readonly serviceUrl: unknown
  /** Channels that the key is for. */
  readonly endorsements: unknown
}

/**
 * Verifies that Microsoft has sent an activity. The token covers the request, not the body, so its tenant and its service are checked as well:
 * the answer carries the bot's own token to that service.
 */
export class TeamsVerifier {
  readonly #settings: () => Settings
  #verifier: Promise<TokenVerifier> | undefined
  #of = ''
  #until = 0

  constructor(settings: () => Settings) {
    this.#settings = settings
  }

  /** Verifies the token alone. @throws Refusal 401; 503 when the keys cannot be fetched */
  async verify(authorization: string | undefined): Promise<Signed> {
    const token = bearerOf(authorization)
    if (token === undefined) throw new Refusal(401, 'the token is missing')
    const verifier = await this.#current()
    const { claims, header } = await verifier.verify(token)
    const key = verifier.keys?.keys.find(({ kid }) => kid === header.kid)
    return { serviceUrl: claims.serviceurl, endorsements: (key as { endorsements?: unknown } | undefined)?.endorsements }
  }

  /** Checks that the token is for this activity. @throws Refusal 403 */
  check(activity: Activity, { serviceUrl: signed, endorsements }: Signed): void {
    const { tenantId, serviceHosts } = this.#settings()
    if (activity.channelId !== CHANNEL) throw new Refusal(403, 'the activity is of another channel')
    if (Array.isArray(endorsements) && endorsements.length > 0 && !endorsements.includes(CHANNEL)) {
      throw new Refusal(403, 'the key is not endorsed for this channel')
    }
    const { serviceUrl } = activity
    if (serviceUrl === undefined || signed !== serviceUrl) throw new Refusal(403, 'the token is for another service')
    if (!isService(serviceUrl, serviceHosts)) throw new Refusal(403, 'the service is none of teams.service_hosts')
    if (tenantId !== undefined && tenantOf(activity) !== tenantId) throw new Refusal(403, 'the activity is of another tenant')
  }

  /** Verifier for the settings in force. The address of the keys is asked for again after a day. */
  async #current(): Promise<TokenVerifier> {
    const { appId, issuer, openidUrl } = this.#settings()
    const of = JSON.stringify([appId, issuer, openidUrl])
    if (this.#verifier === undefined || this.#of !== of || Date.now() > this.#until) {
      this.#of = of
      this.#until = Date.now() + KEPT_MS
      this.#verifier = discover(openidUrl).then(
        (jwksUrl) => new TokenVerifier({ jwksUrl, issuer, audience: appId ?? '', toleranceSeconds: TOLERANCE_SECONDS })
      )
      this.#verifier.catch(() => {
        this.#until = 0
      })
    }
    return await this.#verifier
  }
}

/** `true`: the bot's token may be sent to the URL. A service on this machine needs no TLS. */
export function isService(serviceUrl: string, hosts: readonly string[]): boolean {
  const url = URL.parse(serviceUrl)
  if (!url || url.username || url.password) return false
  const isLocal = url.hostname === '127.0.0.1' || url.hostname === 'localhost' || url.hostname === '[::1]'
  return (url.protocol === 'https:' || (url.protocol === 'http:' && isLocal)) && hosts.includes(url.host)
}

async function discover(openidUrl: string): Promise<string> {
  try {
    const { json } = await exchange(openidUrl, { signal: AbortSignal.timeout(5000) })
    const { jwks_uri: jwksUrl } = (json ?? {}) as { jwks_uri?: unknown }
    if (typeof jwksUrl === 'string') return jwksUrl
  } catch (cause) {
    throw new Refusal(503, 'the platform names no address of its keys', { cause })
  }
  throw new Refusal(503, 'the platform names no address of its keys')
}
