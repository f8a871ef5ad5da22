import type { FastifyBaseLogger } from 'fastify'
import type { Clock } from '../../lanes/clock.ts'
import type { Sent } from './sender.ts'

/** Notifications under way. One that comes too late is worth little. */
export const MAX_DELIVERIES = 1000
const MAX_RETRIES = 3
const FIRST_RETRY_MS = 2000
/** Longest pause that a busy service can ask for. */
const MAX_WAIT_MS = 60 * 60_000

export interface Delivery {
  /** Id of the subscription, also in the log. */
  readonly id: string
  send(signal: AbortSignal): Promise<Sent>
  /** Called when the subscription no longer exists. */
  gone(): Promise<unknown>
}

/** Notifications under way to push services. They are tried again while a service is busy, and dropped when the process ends. */
export class Deliveries {
  readonly #clock: Clock
  readonly #log: Pick<FastifyBaseLogger, 'warn' | 'info' | 'error'>
  readonly #closing = new AbortController()
  readonly #underWay = new Set<Promise<void>>()

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Pick<FastifyBaseLogger, 'warn' | 'info' | 'error'> }) {
    this.#clock = clock
    this.#log = log
  }

  start(delivery: Delivery): void {
    const { id } = delivery
    if (this.#closing.signal.aborted) return
    if (this.#underWay.size >= MAX_DELIVERIES) {
      this.#log.warn({ subscription: id }, 'a notification was dropped: too many are under way')
      return
    }
    const done = this.#deliver(delivery)
      .catch((err) => this.#log.error({ err, subscription: id }, 'a notification failed'))
      .finally(() => this.#underWay.delete(done))
    this.#underWay.add(done)
  }

  /** Gives up the notifications under way. */
  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all(this.#underWay)
  }

  async #deliver({ id, send, gone }: Delivery): Promise<void> {
    const { signal } = this.#closing
    for (let retries = 0; !signal.aborted; retries++) {
      const sent = await send(signal)
      if (sent.outcome === 'taken' || signal.aborted) return
      if (sent.outcome === 'gone') {
        await gone()
        this.#log.info({ subscription: id }, 'a push subscription is gone, and was removed')
        return
      }
      const waitMs = sent.outcome === 'busy' ? (sent.afterMs ?? FIRST_RETRY_MS * 4 ** retries) : undefined
      if (waitMs === undefined || waitMs > MAX_WAIT_MS || retries === MAX_RETRIES) {
        this.#log.warn({ subscription: id, why: sent.why }, 'a push service refused a notification')
        return
      }
      await this.#pause(waitMs)
    }
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#closing
    const { promise, resolve } = Promise.withResolvers<void>()
    const callOff = this.#clock.after(ms, resolve)
    const end = (): void => {
      callOff()
      resolve()
    }
    signal.addEventListener('abort', end, { once: true })
    return promise.finally(() => signal.removeEventListener('abort', end))
  }
}
