import type { Static } from '@sinclair/typebox'
import type { FastifyBaseLogger } from 'fastify'
import type { Db } from '../../db/client.ts'
import { printable } from '../../security/sanitize.ts'
import { gatewayPlugin } from '../define.ts'
import * as methods from './methods.ts'
import type { PresenceSummary, Present } from './schema.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Online state of senders. */
    presence: Presence
  }
}

/** Senders that are remembered. Whoever writes names himself on some channels: past this, who was seen longest ago is forgotten. */
export const MAX_SENDERS = 10_000
/** So many new ones come between two clearings: looking at all of them is not for each message. */
export const CLEARED_EVERY = 100
/** Sightings that wait to be written; more than a database in working order ever has. */
const MAX_PENDING = 10_000
const MAX_CHANNEL = 64
const MAX_TEXT = 256

/** Who sent a message. */
export interface Sender {
  /** `ws`, `http`, or the name of a channel. */
  readonly channel: string
  /** As the channel tells them apart; over a socket or HTTP the id of the caller. */
  readonly senderId: string
  /** How the channel calls them. */
  readonly senderName?: string | undefined
}

export interface PresenceList {
  readonly channel?: string | undefined
  readonly status?: 'online' | 'offline' | undefined
  readonly limit: number
}

interface Surroundings {
  readonly store: Db['presence']
  /** Asked each time: another configuration may be in force by then. */
  readonly offlineAfterMs: () => number
  readonly log: Pick<FastifyBaseLogger, 'error'>
  readonly now?: () => number
}

/** Who writes to the gateway, and who has not done so for a while. */
export class Presence {
  readonly #store: Surroundings['store']
  readonly #offlineAfterMs: () => number
  readonly #log: Surroundings['log']
  readonly #now: () => number
  readonly #pending = new Set<Promise<void>>()
  /** Since the last clearing. */
  #made = 0

  constructor({ store, offlineAfterMs, log, now = Date.now }: Surroundings) {
    this.#store = store
    this.#offlineAfterMs = offlineAfterMs
    this.#log = log
    this.#now = now
  }

  /** A message has come in. Returns at once and never throws: no message waits for this. Long texts are cut. */
  seen({ channel, senderId, senderName }: Sender): void {
    if (this.#pending.size >= MAX_PENDING) return
    const sighting = {
      channel: printable(channel, MAX_CHANNEL),
      senderId: printable(senderId, MAX_TEXT),
      senderName: senderName === undefined ? null : printable(senderName, MAX_TEXT)
    }
    const written: Promise<void> = this.#write(sighting, this.#now())
      .catch((err) => this.#log.error({ err }, 'it could not be noted who has written'))
      .finally(() => this.#pending.delete(written))
    this.#pending.add(written)
  }

  /** Whoever was seen last comes first. The summary is of all that fit, before the limit. */
  async list({
    limit,
    ...query
  }: PresenceList): Promise<{ presence: Static<typeof Present>[]; summary: Static<typeof PresenceSummary> }> {
    await this.flush()
    const onlineSince = this.#now() - this.#offlineAfterMs()
    const { rows, total, online } = await this.#store.list({ ...query, onlineSince, limit })
    return {
      presence: rows.map((row) => ({ ...row, status: row.lastSeenAt >= onlineSince ? 'online' : 'offline' })),
      summary: { total, online, offline: total - online }
    }
  }

  /** Settles once everybody seen so far is written down. */
  async flush(): Promise<void> {
    await Promise.all(this.#pending)
  }

  async #write(sighting: Parameters<Db['presence']['seen']>[0], now: number): Promise<void> {
    const { created } = await this.#store.seen(sighting, now)
    if (!created || ++this.#made < CLEARED_EVERY) return
    this.#made = 0
    await this.#store.keep(MAX_SENDERS)
  }
}

/** Owns `app.presence` and the method `system.presence`. */
export default gatewayPlugin({ name: 'presence', dependencies: ['config', 'db', 'rpc'] }, async (app) => {
  const offlineAfterMs = () => app.config.presence.offlineAfterSeconds * 1000
  const presence = new Presence({ store: app.db.presence, offlineAfterMs, log: app.log })
  app.decorate('presence', presence)
  for (const method of Object.values(methods)) app.rpc.method(method)

  await app.db.presence.keep(MAX_SENDERS)
  app.addHook('onClose', () => presence.flush())
})
