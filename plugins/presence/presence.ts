import type { Static } from '@sinclair/typebox'
import type { FastifyBaseLogger } from 'fastify'
import type { Db } from '../../db/client.ts'
import { printable } from '../../security/sanitize.ts'
import type { PresenceSummary, Present } from './schema.ts'

/** Senders remembered. On some channels senders choose their ids freely. Beyond this the sender seen longest ago is forgotten. */
export const MAX_SENDERS = 10_000
/** New senders between two clearings. Counting all of them with each message would be slow. */
export const CLEARED_EVERY = 100
/** Sightings that wait to be written. A working database never has that many. */
const MAX_PENDING = 10_000
const MAX_CHANNEL = 64
const MAX_TEXT = 256

/** Sender of a message. */
export interface Sender {
  /** `ws`, `http`, or the name of a channel. */
  readonly channel: string
  /** Id on the channel; over a socket or HTTP the id of the caller. */
  readonly senderId: string
  /** Name on the channel. */
  readonly senderName?: string | undefined
}

export interface PresenceList {
  readonly channel?: string | undefined
  readonly status?: 'online' | 'offline' | undefined
  readonly limit: number
}

/** A sender, seen at a time. */
export interface Sighting {
  readonly channel: string
  readonly senderId: string
  readonly senderName: string | null
  /** Epoch milliseconds. */
  readonly lastSeenAt: number
}

interface Surroundings {
  readonly store: Db['presence']
  /** Read each time: a reload may change the configuration. */
  readonly offlineAfterMs: () => number
  readonly log: Pick<FastifyBaseLogger, 'error'>
  readonly now?: () => number
  /** Called with each sighting. Must not throw. */
  readonly onSeen?: (sighting: Sighting) => void
}

/** Tracks which senders are online. A sender is offline after `offline_after_seconds` without a message. */
export class Presence {
  readonly #store: Surroundings['store']
  readonly #offlineAfterMs: () => number
  readonly #log: Surroundings['log']
  readonly #now: () => number
  readonly #onSeen: (sighting: Sighting) => void
  readonly #pending = new Set<Promise<void>>()
  /** New senders since the last clearing. */
  #made = 0

  constructor({ store, offlineAfterMs, log, now = Date.now, onSeen = () => {} }: Surroundings) {
    this.#store = store
    this.#offlineAfterMs = offlineAfterMs
    this.#log = log
    this.#now = now
    this.#onSeen = onSeen
  }

  /** Records the sender of a message. Returns at once and never throws, so that no message waits. Long texts are cut. */
  seen({ channel, senderId, senderName }: Sender): void {
    if (this.#pending.size >= MAX_PENDING) return
    const sighting = {
      channel: printable(channel, MAX_CHANNEL),
      senderId: printable(senderId, MAX_TEXT),
      senderName: senderName === undefined ? null : printable(senderName, MAX_TEXT)
    }
    const now = this.#now()
    this.#onSeen({ ...sighting, lastSeenAt: now })
    const written: Promise<void> = this.#write(sighting, now)
      .catch((err) => this.#log.error({ err }, 'failed to record presence'))
      .finally(() => this.#pending.delete(written))
    this.#pending.add(written)
  }

  /** Senders, seen last first. The summary counts all matches, before the limit. */
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

  /** Settles once all sightings so far are written. */
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
