import type { FastifyBaseLogger } from 'fastify'
import type { SubscriptionStore } from '../../db/client.ts'
import type { Caller } from '../../rpc/define.ts'
import { RpcError } from '../../rpc/errors.ts'
import { allows, denied } from '../../rpc/registry.ts'
import type { Config } from '../config/index.ts'
import type { Deliveries } from './deliveries.ts'
import { notificationOf } from './notification.ts'
import { send } from './sender.ts'
import { checkedSubscription, idOf, problemOf } from './subscription.ts'
import type { VapidKeys } from './vapid.ts'

/** Something that was said to a caller. */
export interface Said {
  readonly sessionId: string
  readonly runId: string
  readonly owner: string
  readonly text: string
}

export interface WebPushOptions {
  readonly settings: () => Config['webchat']['push']
  /** Asked for once there is something to do with them. */
  readonly keys: () => Promise<VapidKeys>
  readonly store: SubscriptionStore
  readonly deliveries: Deliveries
  /** Whether a caller has the page open, or anything else that hears. */
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

/** Browsers that are told of an answer when nobody looks at the page. */
export class WebPush {
  readonly #options: WebPushOptions
  /** What is to be told, by caller and run, until the current turn of the event loop ends. */
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
   * Registers a browser on behalf of a caller; one that is known moves to them.
   * @throws RpcError InvalidRequest: 400 for what is no subscription, 409 when there are too many, 503 when push is not configured
   */
  async subscribe(caller: Caller, given: object): Promise<Counted & { readonly created: boolean }> {
    const { settings, store, now } = this.#options
    // A device or a program has no browser: its credential must not fill the places of people.
    if (!allows(caller, 'read') && !allows(caller, 'write')) throw denied('A push subscription', 'read')
    const { enabled, subject, maxSubscriptions } = settings()
    if (!enabled || subject === undefined) {
      throw new RpcError(
        'InvalidRequest',
        'Not configured on this gateway: notifications need webchat.push.enabled: true and webchat.push.subject',
        { statusCode: 503 }
      )
    }
    const subscription = checkedSubscription(given, settings())
    const row = { id: idOf(subscription.endpoint), owner: caller.id, ...subscription, updatedAt: now() }
    const written = await store.put(row, maxSubscriptions)
    if (written === 'full') {
      throw new RpcError('InvalidRequest', `${maxSubscriptions} browsers are registered, more are too many`, { statusCode: 409 })
    }
    return { created: written === 'created', ...(await this.counted()) }
  }

  /** Removes a browser: one's own, with the scope `admin` anybody's. `false`: there was none. */
  async unsubscribe(caller: Caller, endpoint: string): Promise<boolean> {
    return await this.#options.store.remove(idOf(endpoint), allows(caller, 'admin') ? undefined : caller.id)
  }

  /** Tells the browsers of a caller who has no connection. Messages that one run answers are one notification. */
  tell(said: Said): void {
    const { settings, listens } = this.#options
    if (this.#closed || !settings().enabled || listens(said.owner)) return
    if (this.#due.size === 0) setImmediate(() => this.#flush())
    this.#due.set(JSON.stringify([said.owner, said.runId]), said)
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

  /** Starts what is to be delivered, and does not wait for it. */
  async #notify(said: Said): Promise<void> {
    const { settings, keys, store, deliveries } = this.#options
    const { subject, ...hosts } = settings()
    const rows = await store.of(said.owner)
    if (rows.length === 0 || subject === undefined) return
    const { payload, topic } = notificationOf(said)
    const sending = { keys: await keys(), subject, topic, allowHosts: hosts.allowInsecureHosts }
    for (const row of rows) {
      // The hosts that are allowed may be others than when it was registered.
      if (problemOf(row.endpoint, hosts) !== undefined) continue
      deliveries.start({
        id: row.id,
        send: (signal) => send(row, payload, { ...sending, signal }),
        gone: () => store.remove(row.id)
      })
    }
  }
}
