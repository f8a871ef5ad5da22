import { createHash } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import type { SubscriptionStore } from '../../db/client.ts'
import type { Caller } from '../../rpc/define.ts'
import { RpcError } from '../../rpc/errors.ts'
import { allows, denied } from '../../rpc/registry.ts'
import { printable } from '../../security/sanitize.ts'
import type { Config } from '../config/index.ts'
import type { Deliveries } from './deliveries.ts'
import { send } from './sender.ts'
import { checkedSubscription, idOf, problemOf } from './subscription.ts'
import type { VapidKeys } from './vapid.ts'

/** Characters of an answer in a notification. The page has all of it. */
const PREVIEW = 160
/** Time that the services have for a test. */
const TEST_MS = 10_000

/** Answer to a caller. */
export interface Said {
  readonly sessionId: string
  readonly runId: string
  readonly owner: string
  readonly text: string
}

export interface WebPushOptions {
  readonly settings: () => Config['webchat']['push']
  /** Loaded on first use. */
  readonly keys: () => Promise<VapidKeys>
  readonly store: SubscriptionStore
  readonly deliveries: Deliveries
  /** `true`: the caller has a connection, such as an open page. */
  readonly listens: (callerId: string) => boolean
  readonly now: () => number
  readonly log: Pick<FastifyBaseLogger, 'error'>
}

export interface Metadata {
  readonly enabled: boolean
  readonly configured: boolean
  readonly publicKey: string | null
}

export interface Counted {
  /** Of all callers. */
  readonly count: number
  readonly cap: number
}

/** Push notifications for answers to callers without connection. */
export class WebPush {
  readonly #options: WebPushOptions
  /** Notifications by caller and run, until the current turn of the event loop ends. */
  readonly #due = new Map<string, Said>()
  #telling: Promise<void> = Promise.resolve()
  #closed = false

  constructor(options: WebPushOptions) {
    this.#options = options
  }

  async metadata(): Promise<Metadata> {
    const { settings, keys } = this.#options
    const { enabled, subject } = settings()
    const configured = enabled && subject !== undefined
    return { enabled, configured, publicKey: configured ? (await keys()).publicKey : null }
  }

  async counted(): Promise<Counted> {
    const { settings, store } = this.#options
    return { count: await store.count(), cap: settings().maxSubscriptions }
  }

  /**
   * Registers a browser on behalf of a caller. A known browser moves to this caller.
   * @throws RpcError InvalidRequest: 400 for a malformed subscription, 409 when the limit is reached, 503 when push is not configured
   */
  async subscribe(caller: Caller, given: object): Promise<Counted & { readonly created: boolean }> {
    const { settings, store, now } = this.#options
    // A device or a program has no browser: its credential must not fill the places of people.
    if (!allows(caller, 'read') && !allows(caller, 'write')) throw denied('A push subscription', 'read')
    const { enabled, subject, maxSubscriptions } = settings()
    if (!enabled || subject === undefined) {
      throw new RpcError('InvalidRequest', 'Push is not configured: set webchat.push.enabled: true and webchat.push.subject', {
        statusCode: 503
      })
    }
    const subscription = checkedSubscription(given, settings())
    const row = { id: idOf(subscription.endpoint), owner: caller.id, ...subscription, updatedAt: now() }
    const written = await store.put(row, maxSubscriptions)
    if (written === 'full') {
      throw new RpcError(
        'InvalidRequest',
        `${maxSubscriptions} browsers are registered, which is the limit (webchat.push.max_subscriptions)`,
        { statusCode: 409 }
      )
    }
    return { created: written === 'created', ...(await this.counted()) }
  }

  /** Removes a browser of the caller, or any with the scope `admin`. `false`: it was not registered. */
  async unsubscribe(caller: Caller, endpoint: string): Promise<boolean> {
    return await this.#options.store.remove(idOf(endpoint), allows(caller, 'admin') ? undefined : caller.id)
  }

  /** Notifies the browsers of a caller without connection. All messages that one run answers are one notification. */
  tell(said: Said): void {
    const { settings, listens } = this.#options
    if (this.#closed || !settings().enabled || listens(said.owner)) return
    if (this.#due.size === 0) setImmediate(() => this.#flush())
    this.#due.set(JSON.stringify([said.owner, said.runId]), said)
  }

  /**
   * Sends a notification to every browser of a caller, and waits for their services.
   * @throws RpcError InvalidRequest: 503 when push is not configured
   */
  async test(caller: Caller): Promise<{ readonly sent: number; readonly failed: readonly string[] }> {
    const { settings, keys, store } = this.#options
    const { enabled, subject, ...hosts } = settings()
    if (!enabled || subject === undefined) {
      throw new RpcError('InvalidRequest', 'Push is not configured: set webchat.push.enabled: true and webchat.push.subject', {
        statusCode: 503
      })
    }
    const payload = Buffer.from(JSON.stringify({ test: true, preview: 'Notifications work.' }))
    const sending = {
      keys: await keys(),
      subject,
      topic: 'test',
      allowHosts: hosts.allowInsecureHosts,
      signal: AbortSignal.timeout(TEST_MS)
    }
    const failed: string[] = []
    const rows = (await store.of(caller.id)).filter((row) => problemOf(row.endpoint, hosts) === undefined)
    await Promise.all(
      rows.map(async (row) => {
        const result = await send(row, payload, sending)
        if (result.outcome === 'gone') {
          await store.remove(row.id)
          failed.push('the browser has unsubscribed, and was removed')
        } else if (result.outcome !== 'taken') failed.push(printable(result.why, PREVIEW))
      })
    )
    return { sent: rows.length - failed.length, failed }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#due.clear()
    await this.#options.deliveries.close()
    await this.#telling
  }

  #flush(): void {
    const due = [...this.#due.values()]
    this.#due.clear()
    for (const said of due) {
      this.#telling = this.#telling
        .then(() => this.#notify(said))
        .catch((err) => this.#options.log.error({ err }, 'a notification failed'))
    }
  }

  /** Starts the deliveries without waiting for them. */
  async #notify(said: Said): Promise<void> {
    const { settings, keys, store, deliveries } = this.#options
    const { subject, ...hosts } = settings()
    const rows = await store.of(said.owner)
    if (rows.length === 0 || subject === undefined) return
    const { payload, topic } = notificationOf(said)
    const sending = { keys: await keys(), subject, topic, allowHosts: hosts.allowInsecureHosts }
    for (const row of rows) {
      // The allowed hosts may have changed since the registration.
      if (problemOf(row.endpoint, hosts) !== undefined) continue
      deliveries.start({
        id: row.id,
        send: (signal) => send(row, payload, { ...sending, signal }),
        gone: () => store.remove(row.id)
      })
    }
  }
}

interface Notification {
  readonly payload: Buffer
  /** One notification a session is kept by a push service: the newest. */
  readonly topic: string
}

/** Notification of an answer: its session and run, and its beginning. */
function notificationOf({ sessionId, runId, text }: { sessionId: string; runId: string; text: string }): Notification {
  const preview = printable(text, PREVIEW).trim()
  return {
    payload: Buffer.from(JSON.stringify({ sessionId, runId, preview })),
    topic: createHash('sha256').update(sessionId).digest('base64url').slice(0, 32)
  }
}
