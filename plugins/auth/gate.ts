import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { type Caller, SCOPES } from '../../rpc/define.ts'
import type { RpcError } from '../../rpc/errors.ts'
import { bucketOf, isLoopback } from '../../security/address.ts'
import { FailureLimiter, MAX_FAILURES } from '../../security/failure-limiter.ts'
import { printable } from '../../security/sanitize.ts'
import { type Given, givenTokens } from './bearer.ts'
import { issueSession, type Login, loginOf, readSession, sessionCookies } from './cookie.ts'
import { Origins } from './origin.ts'
import { credentialRequired, foreignHost, foreignOrigin, lockedOut, tokenNotConfigured, wrongCredential } from './refusals.ts'
import { Tailscale, type TailscaleSettings } from './tailscale.ts'
import { type Token, type TokenSettings, Tokens } from './tokens.ts'

/** Characters of what a client says that go into a log. */
const MAX_SHOWN = 200

/** Credential that a route requires; see README.md. The default is `required`. */
export type AuthPolicy = 'required' | 'http' | 'optional' | 'socket' | 'none'

/** The caller, with its login when a session cookie counted; or the error of the authentication: `AuthRequired` (nothing given) or `AuthFailed`. */
export type Outcome = { readonly caller: Caller; readonly login?: Login | undefined } | { readonly error: RpcError }

/** Origin of a login, for people who look for their devices. */
export interface LoginOrigin {
  readonly address: string
  readonly userAgent: string
}

/** Memory of logins. Without it a login ends with its token or its time. */
export interface LoginRegistry {
  /** True for a login that was ended. */
  ended(login: Login): boolean
  /** True for an id that a login has. */
  has(id: string): boolean
  /** A browser signed in, or used its login. */
  seen(login: Login, origin: LoginOrigin, isNew: boolean): void
  /** Ends logins. Resolves when it is stored. */
  endAll(logins: readonly Login[]): Promise<void>
}

/** The part of a request that authentication looks at. */
export interface Attempt {
  readonly method: string
  readonly headers: IncomingHttpHeaders
  /** Address at the other end of the TCP connection: the only one that cannot be made up. */
  readonly peer: string | undefined
  /** Address of the client, as far as the host trusts its proxies. */
  readonly address: string | undefined
  /** Host and port the client asked for, as far as the host trusts its proxies. */
  readonly host: string
}

export interface GateSettings extends TokenSettings, TailscaleSettings {
  readonly authHttp: boolean
  readonly allowedOrigins?: readonly string[] | undefined
}

/**
 * Reports an event for the log: `failed` and `lockout` are also for the audit, `refused` is a page of another site or a
 * foreign name, `ignored` a Tailscale identity that does not count. `detail` holds no credential and only printable text.
 */
export type Report = (event: 'failed' | 'lockout' | 'refused' | 'ignored', detail: ReportDetail) => void

export interface ReportDetail {
  readonly address: string
  readonly transport: string
  readonly reason: string
  readonly [more: string]: string | number
}

/** Scopes of a Tailscale identity too: the operator chose these people. */
const EVERYTHING: ReadonlySet<(typeof SCOPES)[number]> = new Set(SCOPES)
/** Prefix of the caller ids of Tailscale logins. */
const TAILSCALE = 'tailscale:'
const LOCAL: Caller = { id: 'local', scopes: EVERYTHING }
const ANONYMOUS: Caller = { id: 'anonymous', scopes: new Set(['read'] as const) }

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])
const READS = new Set(['GET', 'HEAD'])

/** Headers that show a proxy between the client and the loopback peer. */
const FORWARDED = /^(?:forwarded|x-forwarded-.+|x-real-ip|via)$/

/**
 * Request → caller. Credentials a client chose to send (header, subprotocol) must all be right, and with any of them nothing else
 * counts. Without one, what travels by itself counts: the session cookie, then the Tailscale identity; a dead cookie is as none.
 */
export class Gate {
  #tokens: Tokens
  #origins: Origins
  #tailscale: Tailscale
  #authHttp: boolean
  #logins: Pick<LoginRegistry, 'ended' | 'has'> = { ended: () => false, has: () => false }
  /** Login of each caller that Tailscale identified. */
  readonly #tailscaleLogins = new WeakMap<Caller, string>()
  readonly #limiter: FailureLimiter
  readonly #now: () => number
  readonly #report: Report

  constructor(settings: GateSettings, report: Report, now: () => number = Date.now) {
    this.#tokens = new Tokens(settings)
    this.#origins = new Origins(settings.allowedOrigins)
    this.#tailscale = new Tailscale(settings, this.#origins)
    this.#authHttp = settings.authHttp
    this.#limiter = new FailureLimiter(now)
    this.#now = now
    this.#report = report
  }

  /** No token is configured: direct connections from this machine have full access. */
  get open(): boolean {
    return this.#tokens.none
  }

  /**
   * Puts new settings in force. Lockouts stay.
   * @returns a predicate: whether the credential of a caller id was removed or changed by these settings
   */
  update(settings: GateSettings): (callerId: string) => boolean {
    const tokens = this.#tokens
    this.#tokens = new Tokens(settings, tokens)
    this.#origins = new Origins(settings.allowedOrigins)
    this.#tailscale = new Tailscale(settings, this.#origins)
    this.#authHttp = settings.authHttp
    const gone = new Set(tokens.missingFrom(this.#tokens).map(({ id }) => id))
    if (tokens.none && !this.open) gone.add(LOCAL.id)
    return (id) => gone.has(id) || (id.startsWith(TAILSCALE) && !this.#tailscale.admits(id.slice(TAILSCALE.length)))
  }

  /** True if a caller admitted earlier would still be, with the same credential and scopes. */
  stillAdmits(caller: Caller): boolean {
    if (caller === LOCAL) return this.open
    const login = this.#tailscaleLogins.get(caller)
    return login === undefined ? this.#tokens.include(caller) : this.#tailscale.admits(login)
  }

  /** True for an origin of `server.allowed_origins`. */
  lists(origin: string): boolean {
    return this.#origins.lists(origin)
  }

  /**
   * Outcome of a request to a route of that policy. Throws where the request must not reach the route: 403 (another site's page,
   * a rebound name), 429 (locked out), and under `required` and `http` 401.
   */
  admit(attempt: Attempt, policy: Exclude<AuthPolicy, 'none'>): Outcome {
    this.#refuseOtherSites(attempt)
    const outcome = this.#identify(attempt)
    if ('caller' in outcome || policy === 'optional' || policy === 'socket') return outcome
    const openRead = policy === 'http' && !this.#authHttp && READS.has(attempt.method) && !isUpgrade(attempt)
    if (openRead && outcome.error.kind === 'AuthRequired') return { caller: ANONYMOUS }
    throw outcome.error
  }

  /** Sets the memory of logins. */
  remember(logins: LoginRegistry): void {
    this.#logins = logins
  }

  /** Value of a session cookie for the token of a caller; undefined when it has none. */
  issueFor(caller: Caller): string | undefined {
    const token = this.#tokens.of(caller)
    return token && this.#issue(token)
  }

  /** Logins of session cookies. */
  loginsOf(values: readonly string[]): Login[] {
    return values.flatMap((value) => {
      const token = readSession(value, this.#tokens, this.#now())
      return typeof token === 'string' ? [] : [loginOf(value, token)]
    })
  }

  #issue(token: Token): string {
    // Two logins of one token within a second would be one.
    for (let now = this.#now(); ; now += 1000) {
      const value = issueSession(token, now)
      const login = loginOf(value, token)
      if (!this.#logins.has(login.id) && !this.#logins.ended(login)) return value
    }
  }

  /** Counts a wrong one-time code of this client. Throws 401 and 429. */
  refuseCode(attempt: Attempt): never {
    this.#fail(attempt, bucketFor(attempt, undefined), 'wrong login code')
    throw wrongCredential()
  }

  /** Value of a session cookie for a token. Throws 401 and 429. */
  signIn(attempt: Attempt, token: string): string {
    const identity = this.#tailscale.identify(attempt.headers, attempt.peer)
    const bucket = bucketFor(attempt, identity && 'login' in identity ? identity.login : undefined)
    const found = this.#tokens.find([token])
    if (found) return this.#issue(found)
    this.#fail(attempt, bucket, 'wrong token at sign-in')
    throw wrongCredential()
  }

  #refuseOtherSites(attempt: Attempt): void {
    const { origin } = attempt.headers
    if (!isUpgrade(attempt) && SAFE_METHODS.has(attempt.method)) return
    if (this.#origins.allows(origin, attempt.host)) return
    this.#report('refused', {
      ...about(attempt),
      reason: 'origin',
      origin: printable(origin ?? '', MAX_SHOWN),
      host: printable(attempt.host, MAX_SHOWN)
    })
    throw foreignOrigin()
  }

  #identify(attempt: Attempt): Outcome {
    const { headers, peer } = attempt
    const identity = this.#tailscale.identify(headers, peer)
    const login = identity && 'login' in identity ? identity.login : undefined
    const ignored = identity && 'ignored' in identity ? identity.ignored : undefined
    if (ignored) {
      this.#report('ignored', {
        ...about(attempt),
        login: printable(String(headers['tailscale-user-login']), MAX_SHOWN),
        reason: ignored
      })
    }
    if (this.open && !login && isDirect(attempt)) {
      this.#refuseForeignHost(attempt)
      return { caller: LOCAL }
    }

    const upgrade = isUpgrade(attempt)
    const bucket = bucketFor(attempt, login)
    const given = givenTokens(headers, upgrade)
    const cookies = sessionCookies(headers.cookie)
    if (this.open && !login) {
      if (upgrade) this.#fail(attempt, bucket, 'no token is configured')
      return { error: tokenNotConfigured() }
    }
    if (given.length > 0) {
      const caller = this.#given(attempt, bucket, given)
      return caller ? { caller } : { error: wrongCredential() }
    }
    const carried = this.#carried(attempt, bucket, cookies, login)
    if (carried) return carried
    return { error: credentialRequired({ hadCookie: cookies.length > 0, ignored }) }
  }

  #given(attempt: Attempt, bucket: string, given: readonly Given[]): Caller | undefined {
    const [first, ...others] = given.map((readings) => this.#tokens.find(readings))
    if (first && others.every((other) => other)) return first.caller
    this.#fail(attempt, bucket, given.some((readings) => readings.length === 0) ? 'malformed credential' : 'wrong token')
    return undefined
  }

  #carried(attempt: Attempt, bucket: string, cookies: readonly string[], login: string | undefined) {
    const forged: string[] = []
    let carried: { readonly caller: Caller; readonly login?: Login } | undefined
    for (const value of cookies) {
      const session = readSession(value, this.#tokens, this.#now())
      if (session === 'forged') forged.push(value)
      if (typeof session === 'string') continue
      const issued = loginOf(value, session)
      if (!this.#logins.ended(issued)) carried ??= { caller: session.caller, login: issued }
    }
    if (login) carried ??= { caller: this.#vouchedFor(login) }
    const refused = isUpgrade(attempt) && !carried
    // Counted whatever else is right: otherwise a cookie made from a guess would test it for free.
    for (const value of forged)
      this.#fail(attempt, bucket, 'session cookie of another token', refused ? undefined : fingerprint(value))
    if (refused && forged.length === 0) this.#fail(attempt, bucket, cookies.length > 0 ? 'session ended' : 'no credential')
    return carried
  }

  #vouchedFor(login: string): Caller {
    const caller: Caller = { id: `${TAILSCALE}${login}`, scopes: EVERYTHING }
    this.#tailscaleLogins.set(caller, login)
    return caller
  }

  #refuseForeignHost(attempt: Attempt): void {
    const host = hostOf(attempt.headers)
    if (this.#origins.knowsHost(host)) return
    this.#report('refused', { ...about(attempt), reason: 'host', host: printable(host ?? '', MAX_SHOWN) })
    throw foreignHost()
  }

  #refuseLocked(bucket: string): void {
    const retryAfterMs = this.#limiter.lockedFor(bucket)
    if (retryAfterMs > 0) throw lockedOut(retryAfterMs)
  }

  /**
   * Counts a failure. Throws 429 when the address is locked out; only then, since a request that verifies is never refused because
   * others behind the same address failed.
   */
  #fail(attempt: Attempt, bucket: string, reason: string, evidence?: string): void {
    this.#refuseLocked(bucket)
    const counted = this.#limiter.fail(bucket, evidence)
    if (counted === 'repeated') return
    this.#report('failed', { ...about(attempt), reason })
    if (counted === 'locked') {
      this.#report('lockout', {
        ...about(attempt),
        bucket,
        reason,
        failures: MAX_FAILURES,
        retryAfterMs: this.#limiter.lockedFor(bucket)
      })
    }
  }
}

/** Host that the client asked for. HTTP/2 has a pseudo header instead. */
function hostOf(headers: IncomingHttpHeaders): string | undefined {
  return headers.host ?? (headers[':authority'] as string | undefined)
}

/** True when a proxy has forwarded the request, or a client says so. */
export function isForwarded({ headers }: Pick<Attempt, 'headers'>): boolean {
  return Object.keys(headers).some((name) => FORWARDED.test(name))
}

/** A cookie may be long and must not be kept. */
function fingerprint(value: string): string {
  return createHash('sha256').update(value).digest('base64')
}

/** Any `Upgrade` header: Node hands all of them to the WebSocket server, whatever protocol they name. */
export function isUpgrade({ headers }: Pick<Attempt, 'headers'>): boolean {
  return headers.upgrade !== undefined
}

/** A proxy on this machine has a loopback address as well; what it forwards may come from anywhere. */
function isDirect(attempt: Attempt): boolean {
  return isLoopback(attempt.peer) && !isForwarded(attempt)
}

/**
 * Key under which a failure is counted. Behind `tailscale serve` all clients have the same address: where its identity counts,
 * failures are counted by login, so that one person cannot lock out another.
 */
function bucketFor({ address, peer }: Attempt, login: string | undefined): string {
  if (login) return `tailscale:${login}`
  return bucketOf(address) ?? bucketOf(peer) ?? 'unknown'
}

function about(attempt: Attempt): { address: string; transport: string } {
  return { address: printable(attempt.address ?? 'unknown', MAX_SHOWN), transport: isUpgrade(attempt) ? 'ws' : 'http' }
}
