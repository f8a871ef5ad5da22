import { createHash, createHmac, randomUUID, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Config } from '../../config/index.ts'
import { Refusal, sameSecret } from '../inbound.ts'

export type Webhook = Config['webhooks'][string]

/** Difference that the clock of a sender may have, and the time in which a captured request with a timestamp is of use. */
const TOLERANCE_SECONDS = 300
const HEX = /^(?:[0-9a-f]{2})+$/i
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/
const TIMESTAMP = /^\d{1,12}$/

interface Signed {
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** Epoch milliseconds. */
  readonly now: number
}

interface Scheme {
  /** `true`: one of the secrets has signed the request. @throws Refusal 401 for one that is too old, or malformed */
  verify(signed: Signed, secrets: readonly string[], hook: Webhook): boolean
  /** The sender's own id of a delivery. */
  id(signed: Signed, content: unknown, hook: Webhook): string | undefined
  /** The signature covers the body and no timestamp: a captured request verifies for ever, under any id. */
  readonly replayable?: true
}

/** @throws Refusal 401 */
export function verify(hook: Webhook, signed: Signed): void {
  const secrets = secretsOf(hook)
  if (secrets.length === 0 && hook.allowUnsigned) return
  if (!SCHEMES[hook.signature].verify(signed, secrets, hook)) throw new Refusal(401, 'the signature is missing or wrong')
}

/**
 * Keys of a delivery. A request with any known key is a repeated one. The id counts, and where the signature covers the body alone its digest
 * does as well: the id of such a request is not signed, and a captured request can be sent under another one.
 */
export function deliveryKeys(
  hook: Webhook,
  signed: Signed,
  content: unknown
): { readonly keys: readonly string[]; readonly lasting: boolean } {
  const { id, replayable = false } = SCHEMES[hook.signature]
  const isSigned = secretsOf(hook).length > 0
  const named = id(signed, content, hook)
  const digest = `sha256:${createHash('sha256').update(signed.body).digest('hex')}`
  const keys = named === undefined ? [] : [`id:${named}`]
  // Unsigned and unnamed requests may be equal on purpose: a button that is pressed twice.
  if (!isSigned) return { keys: keys.length > 0 ? keys : [randomUUID()], lasting: false }
  return { keys: replayable || named === undefined ? [digest, ...keys] : keys, lasting: replayable }
}

export function secretsOf({ secret, secrets }: Pick<Webhook, 'secret' | 'secrets'>): string[] {
  return [...(secret === undefined ? [] : [secret]), ...secrets]
}

/** HMAC of the body, in the header, encoding and after the prefix of the configuration. */
const hmacOfBody: Scheme = {
  verify({ headers, body }, secrets, { header, encoding, prefix }) {
    const given = one(headers[header.toLowerCase()])
    const bare =
      (prefix === undefined ? prefixed(given, 'sha256=') : prefixed(given, prefix)) ?? (prefix === undefined ? given : undefined)
    return matchesAny(body, secrets, [bytesOf(bare, encoding)])
  },
  id: ({ headers }, _content, { idHeader }) => (idHeader === undefined ? undefined : one(headers[idHeader.toLowerCase()])),
  replayable: true
}

const SCHEMES: Record<Webhook['signature'], Scheme> = {
  standard: {
    verify({ headers, body, now }, secrets) {
      const [id, timestamp, signatures] = ['id', 'timestamp', 'signature'].map((part) => standard(headers, part)) as string[]
      if (!id || id.includes('.')) return false
      assertRecent(timestamp, now)
      const given = (signatures ?? '')
        .split(' ')
        .flatMap((one) => (one.startsWith('v1,') ? [Buffer.from(one.slice(3), 'base64')] : []))
      const content = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body])
      return secrets.some((secret) => matches(hmac(standardKey(secret), content), given))
    },
    id: ({ headers }) => standard(headers, 'id')
  },
  github: {
    verify: ({ headers, body }, secrets) =>
      matchesAny(body, secrets, [bytesOf(prefixed(one(headers['x-hub-signature-256']), 'sha256='), 'hex')]),
    id: ({ headers }) => one(headers['x-github-delivery']),
    replayable: true
  },
  // The secret itself is the proof: the body is not signed.
  gitlab: {
    verify: ({ headers }, secrets) => secrets.some((secret) => sameSecret(one(headers['x-gitlab-token']) ?? '', secret)),
    id: ({ headers }) =>
      one(headers['idempotency-key']) ?? one(headers['x-gitlab-webhook-uuid']) ?? one(headers['x-gitlab-event-uuid'])
  },
  stripe: {
    verify({ headers, body, now }, secrets) {
      const parts = (one(headers['stripe-signature']) ?? '').split(',').map((part) => part.trim().split(/=(.*)/s))
      const timestamp = parts.find(([name]) => name === 't')?.[1]
      assertRecent(timestamp, now)
      const given = parts.flatMap(([name, value]) => (name === 'v1' ? [bytesOf(value, 'hex')] : []))
      return matchesAny(Buffer.concat([Buffer.from(`${timestamp}.`), body]), secrets, given)
    },
    id: (_signed, content) => textAt(content, 'id')
  },
  slack: {
    verify({ headers, body, now }, secrets) {
      const timestamp = one(headers['x-slack-request-timestamp'])
      assertRecent(timestamp, now)
      const given = bytesOf(prefixed(one(headers['x-slack-signature']), 'v0='), 'hex')
      return matchesAny(Buffer.concat([Buffer.from(`v0:${timestamp}:`), body]), secrets, [given])
    },
    id: (_signed, content) => textAt(content, 'event_id')
  },
  shopify: {
    verify: ({ headers, body }, secrets) => matchesAny(body, secrets, [bytesOf(one(headers['x-shopify-hmac-sha256']), 'base64')]),
    id: ({ headers }) => one(headers['x-shopify-webhook-id']) ?? one(headers['x-shopify-event-id']),
    replayable: true
  },
  pagerduty: {
    verify({ headers, body }, secrets) {
      const header = headers['x-pagerduty-signature']
      // Several signatures are what PagerDuty has its header for, while a secret is replaced.
      const given = typeof header === 'string' ? header.split(',').map((part) => prefixed(part.trim(), 'v1=')) : []
      return matchesAny(
        body,
        secrets,
        given.map((signature) => bytesOf(signature, 'hex'))
      )
    },
    id: (_signed, content) => textAt((content as { event?: unknown } | null)?.event, 'id'),
    replayable: true
  },
  hex: hmacOfBody,
  hmac: hmacOfBody
}

/** Signs as Standard Webhooks says. */
export function signStandard(
  secret: string,
  { id, timestamp, body }: { id: string; timestamp: number; body: string }
): Record<string, string> {
  const signature = hmac(standardKey(secret), Buffer.from(`${id}.${timestamp}.${body}`)).toString('base64')
  return { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': `v1,${signature}` }
}

/** A header that was sent twice is ambiguous, and counts as missing. */
function one(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && !header.includes(', ') ? header : undefined
}

/** Svix, the inventor of the scheme, uses it under its own name. */
function standard(headers: IncomingHttpHeaders, part: string): string | undefined {
  const header = headers[`webhook-${part}`] ?? headers[`svix-${part}`]
  return typeof header === 'string' ? header : undefined
}

/** `whsec_` and base64, or any other text. */
function standardKey(secret: string): Buffer {
  return secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : Buffer.from(secret)
}

function prefixed(text: string | undefined, prefix: string): string | undefined {
  return text?.toLowerCase().startsWith(prefix.toLowerCase()) ? text.slice(prefix.length) : undefined
}

function bytesOf(signature: string | undefined, encoding: 'hex' | 'base64'): Buffer | undefined {
  const shape = encoding === 'hex' ? HEX : BASE64
  return signature !== undefined && shape.test(signature) ? Buffer.from(signature, encoding) : undefined
}

function matchesAny(content: Buffer, secrets: readonly string[], given: readonly (Buffer | undefined)[]): boolean {
  const signatures = given.filter((signature) => signature !== undefined)
  return secrets.some((secret) => matches(hmac(Buffer.from(secret), content), signatures))
}

function hmac(key: Buffer, content: Buffer): Buffer {
  return createHmac('sha256', key).update(content).digest()
}

function matches(expected: Buffer, given: readonly Buffer[]): boolean {
  return given.some((signature) => signature.length === expected.length && timingSafeEqual(signature, expected))
}

/** Digits only: `Number('')` is 0, and `Number('1e9')` a time. */
function assertRecent(timestamp: string | undefined, now: number): void {
  if (timestamp === undefined || !TIMESTAMP.test(timestamp)) throw new Refusal(401, 'the timestamp is missing or malformed')
  if (Math.abs(now / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) throw new Refusal(401, 'the timestamp is too far from now')
}

function textAt(content: unknown, key: string): string | undefined {
  const value = (content as Record<string, unknown> | null | undefined)?.[key]
  return typeof value === 'string' && value !== '' ? value : undefined
}
