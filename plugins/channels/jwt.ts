import type { createRemoteJWKSet, JWTPayload, JWTVerifyOptions, ProtectedHeaderParameters } from 'jose'
import { Refusal } from './inbound.ts'

/** More than any platform's token; what is longer is not looked at. */
const MAX_TOKEN = 16 * 1024

export interface TokenRules {
  /** Where the platform publishes its keys. */
  readonly jwksUrl: string
  readonly issuer: string | string[]
  readonly audience: string
  /** Seconds that clocks may differ by. */
  readonly toleranceSeconds: number
}

export interface Verified {
  readonly claims: JWTPayload
  readonly header: ProtectedHeaderParameters
}

/**
 * Checks tokens that a platform has signed with RS256. Its keys are kept for ten minutes, and asked for again, at most twice a minute, when a
 * token names one that is not known.
 */
export class TokenVerifier {
  readonly #rules: TokenRules
  #keys: ReturnType<typeof createRemoteJWKSet> | undefined

  constructor(rules: TokenRules) {
    this.#rules = rules
  }

  /** The keys as the platform publishes them, with members that no standard knows. Undefined before the first token. */
  get keys() {
    return this.#keys?.jwks()
  }

  /** @throws Refusal 401; 503 when the platform's keys cannot be had */
  async verify(token: string | undefined): Promise<Verified> {
    if (token === undefined || token.length > MAX_TOKEN) throw new Refusal(401, 'there is no token, or one that is too long')
    // Loaded with the first token: a gateway that no platform writes to starts without it.
    const { createRemoteJWKSet, errors, jwtVerify } = await import('jose')
    const { jwksUrl, issuer, audience, toleranceSeconds } = this.#rules
    const limits = { cooldownDuration: 30_000, cacheMaxAge: 600_000, timeoutDuration: 5000 }
    this.#keys ??= createRemoteJWKSet(new URL(jwksUrl), limits)
    const keys = this.#keys
    const options: JWTVerifyOptions = {
      algorithms: ['RS256'],
      issuer,
      audience,
      clockTolerance: toleranceSeconds,
      requiredClaims: ['exp']
    }
    try {
      const { payload, protectedHeader } = await jwtVerify(
        token,
        async (header, input) => {
          // With a single key published, one without a name would pass.
          if (header.kid === undefined) throw new Refusal(401, 'the token names no key')
          return await keys(header, input)
        },
        options
      )
      return { claims: payload, header: protectedHeader }
    } catch (cause) {
      throw refusalOf(cause, errors)
    }
  }
}

/** The token of `Authorization: Bearer <token>`. */
export function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
}

type Errors = typeof import('jose')['errors']

/** Only what the token itself got wrong is the sender's fault. */
function refusalOf(cause: unknown, { JWKSTimeout, JOSEError, JWTClaimValidationFailed }: Errors): Refusal {
  if (cause instanceof Refusal) return cause
  const ofKeys = cause instanceof JWKSTimeout || !(cause instanceof JOSEError) || cause.code === 'ERR_JOSE_GENERIC'
  if (ofKeys) return new Refusal(503, "the platform's keys cannot be had", { cause })
  const claim = cause instanceof JWTClaimValidationFailed ? ` (${cause.claim})` : ''
  return new Refusal(401, `the token is not accepted: ${cause.code}${claim}`, { cause })
}
