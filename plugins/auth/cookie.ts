import { createHash, createHmac } from 'node:crypto'
import { sameText, type Token, type Tokens } from './tokens.ts'

const NAME = 'flynn_session'

/** 30 days. */
export const SESSION_SECONDS = 30 * 24 * 60 * 60

/** Cookies of one name that are read. Gateways under `/` and `/agent` of one host see each other's; more is noise. */
const MAX_READ = 4

/**
 * The value of a session cookie: `<token's name>.<expiry, epoch seconds>.<HMAC-SHA256 of both, keyed by the token>`.
 * Nothing is stored: it survives a restart, and dies with the token it was made from. The configuration allows no
 * character in a name that a cookie could not hold.
 */
export function issueSession(token: Token, now: number): string {
  const claim = `${token.name}.${Math.floor(now / 1000) + SESSION_SECONDS}`
  return `${claim}.${sign(claim, token)}`
}

/**
 * Token of a session cookie. `stale`: expired, or of a removed token; it was compared with no secret and so reveals nothing. `forged`:
 * the signature is wrong, which is either a guess at a token or a cookie from before the token changed.
 */
export function readSession(value: string, tokens: Tokens, now: number): Token | 'stale' | 'forged' {
  const [, claim, name, expiry, signature] = /^((.+)\.(\d{1,12}))\.([\w-]+)$/.exec(value) ?? []
  if (claim === undefined || name === undefined || signature === undefined) return 'stale'
  if (Number(expiry) * 1000 <= now) return 'stale'
  const token = tokens.named(name)
  if (!token) return 'stale'
  return sameText(signature, sign(claim, token)) ? token : 'forged'
}

/** A login: one session cookie, wherever it is sent from. */
export interface Login {
  /** Digest of the cookie, of which nothing can be learned from it. */
  readonly id: string
  /** Name of the token that it was issued for. */
  readonly token: string
  /** Epoch milliseconds. */
  readonly issuedAt: number
}

/** Login of a session cookie that `readSession` accepts. */
export function loginOf(value: string, { name }: Token): Login {
  const expiry = Number(value.split('.').at(-2))
  const id = createHash('sha256').update(value).digest('base64url').slice(0, 22)
  return { id, token: name, issuedAt: (expiry - SESSION_SECONDS) * 1000 }
}

/** The values of the session cookies in a `Cookie` header. */
export function sessionCookies(header: string | undefined): string[] {
  const values: string[] = []
  for (const pair of header?.split(';') ?? []) {
    const [name, ...value] = pair.split('=')
    if (name?.trim() === NAME && values.length < MAX_READ) values.push(value.join('=').trim())
  }
  return values
}

/** A `Set-Cookie` header; an empty value removes the cookie. */
export function sessionHeader(value: string, { path, secure }: { path: string; secure: boolean }): string {
  const maxAge = value === '' ? 0 : SESSION_SECONDS
  return `${NAME}=${value}; Path=${path}; Max-Age=${maxAge}; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`
}

function sign(claim: string, token: Token): string {
  return createHmac('sha256', token.secret).update(`flynn session ${claim}`).digest('base64url')
}
