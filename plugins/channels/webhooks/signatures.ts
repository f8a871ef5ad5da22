import { createHash, createHmac, randomUUID, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Config } from '../../config/index.ts'
import { Refusal } from '../inbound.ts'

export type Webhook = Config['webhooks'][string]

/** How far a sender's clock may be off, and how long a captured request is of use. */
const TOLERANCE_SECONDS = 300
const HEX = /^(?:[0-9a-f]{2})+$/i
const TIMESTAMP = /^\d{1,12}$/

interface Signed {
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** Epoch milliseconds. */
  readonly now: number
}

interface Scheme {
  /** Whether one of the secrets has signed this. @throws Refusal 401 for a request that is too old, or malformed */
  verify(signed: Signed, secrets: readonly string[], hook: Webhook): boolean
  /** What the sender calls this delivery; undefined where it does not say. */
  id(signed: Signed, json: unknown, hook: Webhook): string | undefined
}

/** @throws Refusal 401 */
export function verify(hook: Webhook, signed: Signed): void {
  const secrets = secretsOf(hook)
  if (secrets.length === 0 && hook.allowUnsigned) return
  if (!SCHEMES[hook.signature].verify(signed, secrets, hook)) throw new Refusal(401, 'the signature is missing or wrong')
}

/**
 * The same for the same delivery: as the sender calls it, or what it says. Who signs nothing and names nothing may well say the same twice, and
 * mean it: a button.
 */
export function deliveryId(hook: Webhook, signed: Signed, json: unknown): string {
  const id = SCHEMES[hook.signature].id(signed, json, hook)
  if (id === undefined && secretsOf(hook).length === 0) return randomUUID()
  return id === undefined ? `sha256:${createHash('sha256').update(signed.body).digest('hex')}` : `id:${id}`
}

export function secretsOf({ secret, secrets }: Webhook): string[] {
  return [...(secret === undefined ? [] : [secret]), ...secrets]
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
    verify: ({ headers, body }, secrets) => matchesHex(body, secrets, [prefixed(one(headers['x-hub-signature-256']), 'sha256=')]),
    id: ({ headers }) => one(headers['x-github-delivery'])
  },
  stripe: {
    verify({ headers, body, now }, secrets) {
      const parts = (one(headers['stripe-signature']) ?? '').split(',').map((part) => part.trim().split(/=(.*)/s))
      const timestamp = parts.find(([name]) => name === 't')?.[1]
      assertRecent(timestamp, now)
      const given = parts.flatMap(([name, value]) => (name === 'v1' ? [value] : []))
      return matchesHex(Buffer.concat([Buffer.from(`${timestamp}.`), body]), secrets, given)
    },
    id: (_signed, json) => text(json, 'id')
  },
  slack: {
    verify({ headers, body, now }, secrets) {
      const timestamp = one(headers['x-slack-request-timestamp'])
      assertRecent(timestamp, now)
      const given = prefixed(one(headers['x-slack-signature']), 'v0=')
      return matchesHex(Buffer.concat([Buffer.from(`v0:${timestamp}:`), body]), secrets, [given])
    },
    id: (_signed, json) => text(json, 'event_id')
  },
  hex: {
    verify({ headers, body }, secrets, { header }) {
      const given = one(headers[header.toLowerCase()])
      return matchesHex(body, secrets, [prefixed(given, 'sha256=') ?? given])
    },
    id: ({ headers }, _json, { idHeader }) => (idHeader === undefined ? undefined : one(headers[idHeader.toLowerCase()]))
  }
}

/** Signs as Standard Webhooks says. */
export function signStandard(
  secret: string,
  { id, timestamp, body }: { id: string; timestamp: number; body: string }
): Record<string, string> {
  const signature = hmac(standardKey(secret), Buffer.from(`${id}.${timestamp}.${body}`)).toString('base64')
  return { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': `v1,${signature}` }
}

/** Of a header that was sent twice nobody can say which one counts. */
function one(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && !header.includes(', ') ? header : undefined
}

/** Some senders use the same scheme under the name of its inventor. */
function standard(headers: IncomingHttpHeaders, part: string): string | undefined {
  const header = headers[`webhook-${part}`] ?? headers[`svix-${part}`]
  return typeof header === 'string' ? header : undefined
}

/** `whsec_` and base64, or whatever else somebody has made up. */
function standardKey(secret: string): Buffer {
  return secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : Buffer.from(secret)
}

function prefixed(text: string | undefined, prefix: string): string | undefined {
  return text?.toLowerCase().startsWith(prefix) ? text.slice(prefix.length) : undefined
}

function matchesHex(content: Buffer, secrets: readonly string[], given: readonly (string | undefined)[]): boolean {
  const signatures = given.flatMap((hex) => (hex !== undefined && HEX.test(hex) ? [Buffer.from(hex, 'hex')] : []))
  return secrets.some((secret) => matches(hmac(Buffer.from(secret), content), signatures))
}

function hmac(key: Buffer, content: Buffer): Buffer {
  return createHmac('sha256', key).update(content).digest()
}

function matches(expected: Buffer, given: readonly Buffer[]): boolean {
  return given.some((signature) => signature.length === expected.length && timingSafeEqual(signature, expected))
}

/** `Number('')` is 0, and `Number('1e9')` a time: only digits are one. */
function assertRecent(timestamp: string | undefined, now: number): void {
  if (timestamp === undefined || !TIMESTAMP.test(timestamp)) throw new Refusal(401, 'the timestamp is missing or malformed')
  if (Math.abs(now / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) throw new Refusal(401, 'the timestamp is too far from now')
}

function text(json: unknown, key: string): string | undefined {
  const value = (json as Record<string, unknown> | null | undefined)?.[key]
  return typeof value === 'string' && value !== '' ? value : undefined
}
