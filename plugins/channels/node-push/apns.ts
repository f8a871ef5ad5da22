import type { Clock } from '../../../lanes/clock.ts'
import { invalidParams } from '../../../rpc/errors.ts'
import type { Config } from '../../config/index.ts'
import type { PushMessage, PushSent, PushService, PushTarget } from '../../nodes/index.ts'
import { AccessToken } from '../access.ts'
import { type Answered, postHttp2 } from './http2.ts'
import { MAX_PAYLOAD_BYTES, reasonOf, retryAfterOf, TIMEOUT_MS } from './service.ts'

/** Lifetime of a token: APNs refuses tokens older than an hour, and new ones more often than every 20 minutes. */
const TOKEN_SECONDS = 50 * 60
/** Time that APNs keeps a notification for a device that is off. */
const EXPIRES_SECONDS = 24 * 60 * 60
const GONE: ReadonlySet<string> = new Set(['BadDeviceToken', 'DeviceTokenNotForTopic', 'Unregistered', 'ExpiredToken'])

const KEYS = { teamId: 'team_id', keyId: 'key_id', privateKey: 'private_key' } as const

export interface ApnsOptions {
  readonly settings: () => Config['server']['nodes']['push']['apns']
  readonly clock: Pick<Clock, 'now'>
}

/** Devices of Apple: https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns */
export class Apns implements PushService {
  readonly name = 'apns'
  readonly #settings: ApnsOptions['settings']
  readonly #clock: ApnsOptions['clock']
  readonly #token: AccessToken<Config['server']['nodes']['push']['apns']>

  constructor({ settings, clock }: ApnsOptions) {
    this.#settings = settings
    this.#clock = clock
    const request = async () => ({ accessToken: await this.#signed(), expiresIn: TOKEN_SECONDS })
    this.#token = new AccessToken({ settings, request, clock })
  }

  missing({ topic }: PushTarget): string[] {
    const settings = this.#settings()
    const keys = (Object.keys(KEYS) as (keyof typeof KEYS)[]).filter((key) => settings[key] === undefined).map((key) => KEYS[key])
    const names = topic === undefined && settings.topic === undefined ? [...keys, 'topic'] : keys
    return names.map((name) => `server.nodes.push.apns.${name}`)
  }

  async send({ token, environment, topic }: PushTarget, message: PushMessage, signal: AbortSignal): Promise<PushSent> {
    const { url, sandboxUrl, topic: usual = '' } = this.#settings()
    const body = payloadOf(message)
    const alert = isShown(message)
    const { origin, pathname } = new URL(environment === 'sandbox' ? sandboxUrl : url)
    let answered: Answered
    try {
      answered = await postHttp2(origin, {
        path: `${pathname.replace(/\/$/, '')}/3/device/${token}`,
        headers: {
          authorization: `bearer ${await this.#token.get()}`,
          'apns-topic': topic ?? usual,
          'apns-push-type': alert ? 'alert' : 'background',
          'apns-priority': alert ? '10' : '5',
          'apns-expiration': String(Math.floor(this.#clock.now() / 1000) + EXPIRES_SECONDS)
        },
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])
      })
    } catch (cause) {
      if (cause instanceof UnusableKey) return { reason: cause.message }
      // An abort has a code too, which is a number.
      const { code, name } = cause as { code?: unknown; name: string }
      return { reason: `no answer from APNs: ${typeof code === 'string' ? code : name}`, retryable: true }
    }
    return this.#sentOf(answered)
  }

  #sentOf({ status, headers, text }: Answered): PushSent {
    if (status === 200) return { id: typeof headers['apns-id'] === 'string' ? headers['apns-id'] : undefined }
    const { reason: said, timestamp } = jsonOf(text)
    const reason = reasonOf(said, status)
    if (reason === 'ExpiredProviderToken' || reason === 'InvalidProviderToken') this.#token.forget()
    if (status === 410 || (status === 400 && GONE.has(reason))) {
      return { reason, gone: { since: typeof timestamp === 'number' ? timestamp : undefined } }
    }
    return { reason, retryable: status === 429 || status >= 500, retryAfterMs: retryAfterOf(headers['retry-after']) }
  }

  async #signed(): Promise<string> {
    const { teamId = '', keyId = '', privateKey = '' } = this.#settings()
    // Loaded with the first push: a gateway without one starts without it.
    const { importPKCS8, SignJWT } = await import('jose')
    try {
      return await new SignJWT({})
        .setProtectedHeader({ alg: 'ES256', kid: keyId })
        .setIssuer(teamId)
        .setIssuedAt(Math.floor(this.#clock.now() / 1000))
        // In an environment variable the lines are often joined.
        .sign(await importPKCS8(privateKey.replaceAll('\\n', '\n'), 'ES256'))
    } catch (cause) {
      throw new UnusableKey('server.nodes.push.apns.private_key is no key on P-256 in PEM', { cause })
    }
  }
}

class UnusableKey extends Error {}

function isShown({ title, body }: PushMessage): boolean {
  return title !== undefined || body !== undefined
}

function payloadOf(message: PushMessage): string {
  const { title, body, data } = message
  const aps = isShown(message) ? { alert: { title, body }, sound: 'default' } : { 'content-available': 1 }
  const payload = JSON.stringify({ ...data, aps })
  const bytes = Buffer.byteLength(payload)
  if (bytes <= MAX_PAYLOAD_BYTES) return payload
  throw invalidParams([{ path: 'params', message: `make ${bytes} bytes; APNs takes ${MAX_PAYLOAD_BYTES}` }])
}

function jsonOf(text: string): { readonly reason?: unknown; readonly timestamp?: unknown } {
  try {
    return (JSON.parse(text) as object | null) ?? {}
  } catch {
    return {}
  }
}
