import { createHash, ECDH } from 'node:crypto'
import { type Issue, invalidParams } from '../../rpc/errors.ts'

/** Push services of Chrome and its relatives, Firefox, Safari, Edge. */
const HOSTS = ['fcm.googleapis.com', '*.push.services.mozilla.com', '*.push.apple.com', '*.notify.windows.com']
const MAX_ENDPOINT = 2048
const MAX_LABEL = 100
const CURVE = 'prime256v1'
/** RFC 8291 section 3.1 and 3.2. */
const KEY_BYTES = 65
const AUTH_BYTES = 16

/** Hosts of push services. */
export interface PushHosts {
  /** Further hosts; `*.example.com` covers all hosts below it. */
  readonly hosts: readonly string[]
  /** Hosts that may be private, on any port, without TLS. */
  readonly allowInsecureHosts: readonly string[]
}

/** Push subscription of a browser. */
export interface Subscription {
  readonly endpoint: string
  readonly p256dh: string
  readonly auth: string
}

/** Body of a registration: `PushSubscription.toJSON()`, alone or with a label. */
interface Given {
  readonly endpoint?: unknown
  readonly keys?: unknown
  readonly subscription?: unknown
  readonly label?: unknown
}

/**
 * Checks a registration. No error quotes any of it: an endpoint is a capability.
 * @throws RpcError InvalidRequest
 */
export function checkedSubscription(given: Given, allowed: PushHosts): Subscription & { readonly label: string | null } {
  const nested = given.subscription !== undefined
  const root = nested ? 'body.subscription' : 'body'
  const { endpoint, keys } = (nested ? (given.subscription ?? {}) : given) as Given
  const { p256dh, auth } = (keys ?? {}) as { p256dh?: unknown; auth?: unknown }
  const { label = null } = given
  const issues: Issue[] = []
  const problem = problemOf(endpoint, allowed)
  if (problem !== undefined) issues.push({ path: `${root}.endpoint`, message: problem })
  if (!isPoint(p256dh))
    issues.push({ path: `${root}.keys.p256dh`, message: 'must be a public key on P-256, 65 bytes in base64url' })
  if (bytesOf(auth)?.length !== AUTH_BYTES) {
    issues.push({ path: `${root}.keys.auth`, message: `must be ${AUTH_BYTES} bytes in base64url` })
  }
  if (label !== null && (typeof label !== 'string' || label.length > MAX_LABEL)) {
    issues.push({ path: 'body.label', message: `must be a string of at most ${MAX_LABEL} characters` })
  }
  if (issues.length > 0) throw invalidParams(issues)
  return { endpoint: endpoint as string, p256dh: p256dh as string, auth: auth as string, label: label as string | null }
}

/** Digest that stands for an endpoint in the database and in the log. */
export function idOf(endpoint: string): string {
  return createHash('sha256').update(endpoint).digest('base64url')
}

/** Problem of an endpoint; undefined when it is accepted. Its address is checked again with each notification. */
export function problemOf(endpoint: unknown, { hosts, allowInsecureHosts }: PushHosts): string | undefined {
  if (typeof endpoint !== 'string' || endpoint.length > MAX_ENDPOINT) {
    return `must be the URL of a push service, at most ${MAX_ENDPOINT} characters`
  }
  const url = URL.parse(endpoint)
  if (!url) return 'must be a URL'
  if (url.username || url.password || endpoint.includes('#')) return 'must have neither credentials nor a fragment'
  if (allowInsecureHosts.includes(url.hostname) && /^https?:$/.test(url.protocol)) return undefined
  if (url.protocol !== 'https:') return 'must be an https URL'
  // The URL parser has taken 443 away.
  if (url.port !== '') return 'must be on port 443'
  const known = [...HOSTS, ...hosts].some((host) =>
    host.startsWith('*.') ? url.hostname.endsWith(host.slice(1)) : url.hostname === host
  )
  return known ? undefined : 'must be of a known push service; webchat.push.hosts can add one'
}

function isPoint(text: unknown): boolean {
  const bytes = bytesOf(text)
  if (bytes?.length !== KEY_BYTES || bytes[0] !== 4) return false
  try {
    ECDH.convertKey(bytes, CURVE)
    return true
  } catch {
    return false
  }
}

function bytesOf(text: unknown): Buffer | undefined {
  if (typeof text !== 'string') return undefined
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}
