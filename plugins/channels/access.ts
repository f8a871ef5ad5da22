import type { Clock } from '../../lanes/clock.ts'
import { DeliveryError } from './define.ts'
import { exchange } from './http.ts'

/** Time before its end at which a token is replaced. */
const EARLY_MS = 5 * 60_000
const ASSERTION_SECONDS = 3600

/** A token of an API, and its lifetime. */
export interface Grant {
  readonly accessToken: string
  /** Seconds. */
  readonly expiresIn: number
}

interface AccessTokenOptions<Settings> {
  /** Settings in force. Other settings have another token. */
  readonly settings: () => Settings
  readonly request: (settings: Settings, signal: AbortSignal) => Promise<Grant>
  readonly clock: Pick<Clock, 'now'>
}

/** Access token of an API: requested on first use, once for all callers, and renewed before it ends. */
export class AccessToken<Settings> {
  readonly #options: AccessTokenOptions<Settings>
  #asking: Promise<string> | undefined
  #until = 0
  #of: Settings | undefined

  constructor(options: AccessTokenOptions<Settings>) {
    this.#options = options
  }

  /** @throws DeliveryError */
  get(): Promise<string> {
    const { settings, request, clock } = this.#options
    const of = settings()
    if (this.#asking !== undefined && clock.now() < this.#until && of === this.#of) return this.#asking
    this.#until = Number.POSITIVE_INFINITY
    this.#of = of
    const asking: Promise<string> = request(of, AbortSignal.timeout(10_000)).then(
      ({ accessToken, expiresIn }) => {
        if (this.#asking === asking) this.#until = clock.now() + Math.max(0, expiresIn * 1000 - EARLY_MS)
        return accessToken
      },
      (error) => {
        if (this.#asking === asking) this.#until = 0
        throw error
      }
    )
    this.#asking = asking
    return asking
  }

  /** Drops a token that the API refused; the next call requests another one. */
  forget(): void {
    this.#until = 0
  }
}

/**
 * Requests a token from an OAuth 2.0 endpoint.
 * @throws DeliveryError; not retryable for 4xx, which says that the credentials are wrong
 */
export async function grant(tokenUrl: string, form: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Grant> {
  const { status, json } = await exchange(tokenUrl, { method: 'POST', body: new URLSearchParams(form), signal })
  const { access_token: accessToken, expires_in: expiresIn } = (json ?? {}) as { access_token?: unknown; expires_in?: unknown }
  if (status === 200 && typeof accessToken === 'string') return { accessToken, expiresIn: Number(expiresIn) || 3600 }
  const { error } = (json ?? {}) as { error?: unknown }
  throw new DeliveryError(`no access token: ${status} ${typeof error === 'string' ? error.slice(0, 100) : ''}`, {
    retryable: status === 429 || status < 400 || status >= 500
  })
}

/** Read access to a token. */
export type Token = Pick<AccessToken<never>, 'get' | 'forget'>

/** A service account of Google. */
export interface ServiceAccount {
  readonly clientEmail: string
  /** PKCS #8, PEM. */
  readonly privateKey: string
}

/** The form that trades a service account for a token (RFC 7523). */
export async function serviceAccountForm(
  { clientEmail, privateKey }: ServiceAccount,
  { tokenUrl, scope, now }: { tokenUrl: string; scope: string; now: number }
): Promise<Record<string, string>> {
  // Loaded with the first token: a gateway that needs none starts without it.
  const { importPKCS8, SignJWT } = await import('jose')
  const issuedAt = Math.floor(now / 1000)
  const assertion = await new SignJWT({ scope })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT' })
    .setIssuer(clientEmail)
    .setAudience(tokenUrl)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + ASSERTION_SECONDS)
    // In an environment variable the lines are often joined.
    .sign(await importPKCS8(privateKey.replaceAll('\\n', '\n'), 'RS256'))
  return { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }
}
