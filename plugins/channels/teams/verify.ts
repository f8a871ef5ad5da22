import type { Config } from '../../config/index.ts'
import { exchange } from '../http.ts'
import { Refusal } from '../inbound.ts'
import { bearerOf, TokenVerifier } from '../jwt.ts'
import { type Activity, tenantOf } from './activity.ts'

type Settings = Config['teams']

const CHANNEL = 'msteams'
const TOLERANCE_SECONDS = 300
/** How long it is believed where the keys are. */
const KEPT_MS = 24 * 60 * 60_000

/** What a token says of the activity that it came with. */
interface Signed {
  readonly serviceUrl: unknown
  /** Channels that its key is for. */
  readonly endorsements: unknown
}

/**
 * Whether Microsoft has sent an activity. The token says so of the request; that it is for us, of our tenant, and from the service that it will
 * be answered at, is checked here: the answer carries the bot's own token to that address.
 */
export class TeamsVerifier {
  readonly #settings: () => Settings
  #verifier: Promise<TokenVerifier> | undefined
  #of = ''
  #until = 0

  constructor(settings: () => Settings) {
    this.#settings = settings
  }

  /** Looks at the token alone. @throws Refusal 401 for one that is none of ours, 503 when the keys cannot be had */
  async verify(authorization: string | undefined): Promise<Signed> {
    const token = bearerOf(authorization)
    if (token === undefined) throw new Refusal(401, 'there is no token')
    const verifier = await this.#current()
    const { claims, header } = await verifier.verify(token)
    const key = verifier.keys?.keys.find(({ kid }) => kid === header.kid)
    return { serviceUrl: claims.serviceurl, endorsements: (key as { endorsements?: unknown } | undefined)?.endorsements }
  }

  /** Whether the token is for this. @throws Refusal 403 */
  check(activity: Activity, { serviceUrl: signed, endorsements }: Signed): void {
    const { tenantId, serviceHosts } = this.#settings()
    if (activity.channelId !== CHANNEL) throw new Refusal(403, 'of another channel')
    if (Array.isArray(endorsements) && endorsements.length > 0 && !endorsements.includes(CHANNEL)) {
      throw new Refusal(403, 'its key is not endorsed for this channel')
    }
    const { serviceUrl } = activity
    if (serviceUrl === undefined || signed !== serviceUrl) throw new Refusal(403, 'the token is for another service')
    if (!isService(serviceUrl, serviceHosts)) throw new Refusal(403, 'the service is none of teams.service_hosts')
    if (tenantId !== undefined && tenantOf(activity) !== tenantId) throw new Refusal(403, 'of another tenant')
  }

  /** One for the settings as they are; what it was told a day ago it asks again. */
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

/** Whether a URL is one that the bot's token may be sent to. On this machine it need not have TLS. */
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
    throw new Refusal(503, 'the platform does not say where its keys are', { cause })
  }
  throw new Refusal(503, 'the platform does not say where its keys are')
}
