import { publicConnector } from '../../security/public-address.ts'
import type { Subscription } from './subscription.ts'
import type { VapidKeys } from './vapid.ts'

/** 103 bytes more, encrypted, are the 4,096 that every push service takes (RFC 8030 section 7.2). */
export const MAX_PAYLOAD_BYTES = 3993
/** Time that a push service keeps a notification for a browser that is off. */
const TTL_SECONDS = 24 * 60 * 60
const TIMEOUT_MS = 5000

export interface Sending {
  readonly keys: VapidKeys
  /** Contact for the push service. */
  readonly subject: string
  /** A kept notification with the same topic is replaced. Up to 32 characters of base64url. */
  readonly topic: string
  /** Hosts that may be private. */
  readonly allowHosts: readonly string[]
  readonly signal: AbortSignal
}

/**
 * Outcome of a notification. `gone`: the subscription no longer exists. `busy`: it may be tried again, not before `afterMs` where the
 * service has said so. `refused`: another try is of no use.
 */
export type Sent =
  | { readonly outcome: 'taken' }
  | { readonly outcome: 'gone' }
  | { readonly outcome: 'busy'; readonly why: string; readonly afterMs?: number }
  | { readonly outcome: 'refused'; readonly why: string }

class Refused extends Error {}

/**
 * Sends one notification, encrypted for its browser. The endpoint was chosen by a client: only public addresses are dialled, redirects are
 * not followed, and only the head of the response is read.
 * @throws RangeError when the payload is too large
 */
export async function send(
  { endpoint, p256dh, auth }: Subscription,
  payload: Buffer,
  { keys, subject, topic, allowHosts, signal }: Sending
): Promise<Sent> {
  if (payload.length > MAX_PAYLOAD_BYTES) {
    throw new RangeError(`a notification has at most ${MAX_PAYLOAD_BYTES} bytes, not ${payload.length}`)
  }
  const [{ default: webPush }, { Agent }] = await Promise.all([import('web-push'), import('undici')])
  const vapidDetails = { subject, ...keys }
  const subscription = { endpoint, keys: { p256dh, auth } }
  const { headers, body } = webPush.generateRequestDetails(subscription, payload, { vapidDetails, TTL: TTL_SECONDS, topic })
  const either = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])
  const refused = (reason: string) => new Refused(reason)
  const agent = new Agent({ connect: await publicConnector({ allowHosts, refused }, either) })
  const { origin, pathname, search } = new URL(endpoint)
  try {
    const response = await agent.request({
      origin,
      path: pathname + search,
      method: 'POST',
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
      body,
      signal: either
    })
    response.body.on('error', () => {}).destroy()
    return sentOf(response.statusCode, response.headers['retry-after'])
  } catch (cause) {
    if (cause instanceof Refused) return { outcome: 'refused', why: 'its address is not public' }
    // An abort has a code too, which is a number.
    const { code, name } = cause as { code?: unknown; name: string }
    return { outcome: 'busy', why: `no answer: ${typeof code === 'string' ? code : name}` }
  } finally {
    await agent.destroy()
  }
}

function sentOf(status: number, retryAfter: string | string[] | undefined): Sent {
  if (status >= 200 && status < 300) return { outcome: 'taken' }
  if (status === 404 || status === 410) return { outcome: 'gone' }
  const why = `status ${status}`
  if (status !== 429 && status < 500) return { outcome: 'refused', why }
  const seconds = typeof retryAfter === 'string' ? Number(retryAfter) : Number.NaN
  return { outcome: 'busy', why, ...(seconds >= 0 ? { afterMs: seconds * 1000 } : {}) }
}
