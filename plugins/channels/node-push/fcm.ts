import type { Clock } from '../../../lanes/clock.ts'
import { invalidParams } from '../../../rpc/errors.ts'
import type { Config } from '../../config/index.ts'
import type { PushMessage, PushSent, PushService, PushTarget } from '../../nodes/index.ts'
import { AccessToken, grant, serviceAccountForm } from '../access.ts'
import { DeliveryError } from '../define.ts'
import { type Exchanged, exchange } from '../http.ts'
import { MAX_PAYLOAD_BYTES, reasonOf, retryAfterOf, TIMEOUT_MS } from './service.ts'

const SCOPE = 'https://www.googleapis.com/auth/firebase.messaging'

const KEYS = { projectId: 'project_id', clientEmail: 'client_email', privateKey: 'private_key' } as const

/** One of `error.details`: by its type, what FCM says of the device or of the request. */
interface Detail {
  readonly '@type'?: unknown
  readonly errorCode?: unknown
  readonly fieldViolations?: readonly { readonly field?: unknown }[]
}

export interface FcmOptions {
  readonly settings: () => Config['server']['nodes']['push']['fcm']
  readonly clock: Pick<Clock, 'now'>
}

/** Devices of Google: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send */
export class Fcm implements PushService {
  readonly name = 'fcm'
  readonly #settings: FcmOptions['settings']
  readonly #token: AccessToken<Config['server']['nodes']['push']['fcm']>

  constructor({ settings, clock }: FcmOptions) {
    this.#settings = settings
    const request = async ({ clientEmail = '', privateKey = '', tokenUrl }: ReturnType<typeof settings>, signal: AbortSignal) => {
      const form = await serviceAccountForm({ clientEmail, privateKey }, { tokenUrl, scope: SCOPE, now: clock.now() }).catch(
        (cause) => {
          throw new DeliveryError('server.nodes.push.fcm.private_key is no RSA key in PEM', { retryable: false, cause })
        }
      )
      return await grant(tokenUrl, form, signal)
    }
    this.#token = new AccessToken({ settings, request, clock })
  }

  missing(): string[] {
    const settings = this.#settings()
    return (Object.keys(KEYS) as (keyof typeof KEYS)[]).flatMap((key) =>
      settings[key] === undefined ? [`server.nodes.push.fcm.${KEYS[key]}`] : []
    )
  }

  async send({ token }: PushTarget, message: PushMessage, signal: AbortSignal): Promise<PushSent> {
    const { apiUrl, projectId } = this.#settings()
    const body = messageOf(token, message)
    try {
      return this.#sentOf(
        await exchange(`${apiUrl}/v1/projects/${projectId}/messages:send`, {
          method: 'POST',
          headers: { authorization: `Bearer ${await this.#token.get()}`, 'content-type': 'application/json' },
          body,
          signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])
        })
      )
    } catch (cause) {
      if (!(cause instanceof DeliveryError)) throw cause
      return { reason: cause.message, retryable: cause.retryable }
    }
  }

  #sentOf({ status, headers, json }: Exchanged): PushSent {
    const { name, error } = (json ?? {}) as { name?: unknown; error?: { status?: unknown; details?: unknown } }
    if (status === 200) return { id: typeof name === 'string' ? name : undefined }
    if (status === 401) this.#token.forget()
    const details = Array.isArray(error?.details) ? (error.details as readonly Detail[]) : []
    const code = details.find((detail) => isOf(detail, 'google.firebase.fcm.v1.FcmError'))?.errorCode
    const reason = reasonOf(code ?? error?.status, status)
    if (code === 'UNREGISTERED' || (code === 'INVALID_ARGUMENT' && !blamesMessage(details))) return { reason, gone: {} }
    const retryAfterMs = retryAfterOf(headers.get('retry-after'))
    return { reason, retryable: status === 429 || status >= 500, retryAfterMs }
  }
}

function isOf(detail: Detail | null, type: string): boolean {
  return String(detail?.['@type']).endsWith(type)
}

/** The same code says that the token is wrong, and that the rest of the message is. */
function blamesMessage(details: readonly Detail[]): boolean {
  return details.some(
    (detail) =>
      isOf(detail, 'google.rpc.BadRequest') && !(detail.fieldViolations ?? []).some(({ field }) => field === 'message.token')
  )
}

function messageOf(token: string, { title, body, data }: PushMessage): string {
  const shown = title !== undefined || body !== undefined
  const content = { ...(shown ? { notification: { title, body } } : {}), ...(data === undefined ? {} : { data }) }
  const bytes = Buffer.byteLength(JSON.stringify(content))
  if (bytes > MAX_PAYLOAD_BYTES) {
    throw invalidParams([{ path: 'params', message: `make ${bytes} bytes; FCM takes ${MAX_PAYLOAD_BYTES}` }])
  }
  return JSON.stringify({ message: { token, ...content, android: { priority: shown ? 'HIGH' : 'NORMAL' } } })
}
