import type { createRemoteJWKSet, JWTPayload, JWTVerifyOptions, ProtectedHeaderParameters } from 'jose'
import { Refusal } from './inbound.ts'

/** Characters of a token. Platforms send shorter ones; longer ones are refused unread. */
const MAX_TOKEN = 16 * 1024

export interface TokenRules {
  /** URL of the platform's keys. */
  readonly jwksUrl: string
  readonly issuer: string | string[]
  readonly audience: string
  /** Tolerated difference of clocks, in seconds. */
  readonly toleranceSeconds: number
}

export interface Verified {
  readonly claims: JWTPayload
  readonly header: ProtectedHeaderParameters
}

/**
 * Verifies tokens that a platform has signed with RS256. Its keys are kept for ten minutes, and fetched again, at most twice a minute, when a
 * token names an unknown one.
 */
export class TokenVerifier {
  readonly #rules: TokenRules
  #keys: ReturnType<typeof createRemoteJWKSet> | undefined

  constructor(rules: TokenRules) {
    this.#rules = rules
  }

  /** Keys as the platform publishes them, with non-standard members. Undefined before the first token. */
  get keys() {
    return this.#keys?.jwks()
  }

  /** @throws Refusal 401; 503 when the platform's keys cannot be fetched */
  async verify(token: string | undefined): Promise<Verified> {
    if (token === undefined || token.length > MAX_TOKEN) throw new Refusal(401, 'the token is missing or too long')
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
          // With a single published key a token without key id would pass.
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

/** 401 for a wrong token, 503 for keys that could not be fetched. */
function refusalOf(cause: unknown, { JWKSTimeout, JOSEError, JWTClaimValidationFailed }: Errors): Refusal {
  if (cause instanceof Refusal) return cause
  const ofKeys = cause instanceof JWKSTimeout || !(cause instanceof JOSEError) || cause.code === 'ERR_JOSE_GENERIC'
  if (ofKeys) return new Refusal(503, "failed to fetch the platform's keys", { cause })
  const claim = cause instanceof JWTClaimValidationFailed ? ` (${cause.claim})` : ''
  return new Refusal(401, `the token is invalid: ${cause.code}${claim}`, { cause })
}
