import type { FastifyBaseLogger } from 'fastify'
import type { AuditQuery, AuditRow, AuditStore, NewAuditEntry } from '../../db/client.ts'
import type { Masker } from '../../security/masking/masker.ts'
import { masked, namesSecret } from '../../security/sanitize.ts'

/** Limit on entries that wait to be written, more than a working database ever has. Further ones are lost and logged. */
const MAX_PENDING = 10_000
const MAX_NAME = 256
const MAX_TEXT = 1000
/** Limit on the values in one detail, at any depth. Also ends the walk through a detail that refers to itself. */
const MAX_VALUES = 200

interface Surroundings {
  readonly store: Pick<AuditStore, 'append' | 'list' | 'count'>
  readonly log: Pick<FastifyBaseLogger, 'error'>
  /** Current masker of the gateway's secrets. Absent: secrets are recognised by their shapes and names alone. */
  readonly masker?: () => Masker
  readonly now?: () => number
  /** Called with each entry, masked. Must not throw. */
  readonly recorded?: (entry: NewAuditEntry) => void
}

/** Append-only record of actions and their actors. */
export class Audit {
  readonly #store: Surroundings['store']
  readonly #log: Surroundings['log']
  readonly #masker: Surroundings['masker']
  readonly #now: () => number
  readonly #recorded: (entry: NewAuditEntry) => void
  readonly #pending = new Set<Promise<void>>()

  constructor({ store, log, masker, now = Date.now, recorded = () => {} }: Surroundings) {
    this.#store = store
    this.#log = log
    this.#masker = masker
    this.#now = now
    this.#recorded = recorded
  }

  /**
   * Adds an entry. Returns at once and never throws: an entry that cannot be stored is logged as lost.
   * @param event `<group>.<action>`: `tool.run`
   * @param actor id of the caller, or address of an unknown one
   * @param detail plain values; long texts are cut, control characters and secrets removed
   */
  record(event: string, actor: string, detail: Record<string, unknown> = {}): void {
    try {
      if (this.#pending.size >= MAX_PENDING) throw new Error('too many entries are waiting to be written')
      const show: Show = (text, limit) => masked(text, { masker: this.#masker?.(), limit })
      const entry = {
        at: this.#now(),
        // Names come from the gateway and its configuration. They are not masked, because a secret that is a common word would hide them.
        event: masked(event, { limit: MAX_NAME }),
        actor: masked(actor, { limit: MAX_NAME }),
        detail: presentable(detail, show)
      }
      const written: Promise<void> = this.#store
        .append(entry)
        .catch((err) => this.#lost(err, event))
        .finally(() => this.#pending.delete(written))
      this.#pending.add(written)
      this.#recorded(entry)
    } catch (err) {
      this.#lost(err, event)
    }
  }

  /** Entries, newest first, including those still waiting to be written. */
  async list(query: AuditQuery): Promise<AuditRow[]> {
    await this.flush()
    return await this.#store.list(query)
  }

  /** Number of entries that match, whatever the limit. */
  async count(filter: Omit<AuditQuery, 'limit' | 'before' | 'bytes'>): Promise<number> {
    return await this.#store.count(filter)
  }

  /** Settles once all entries recorded so far are written. */
  async flush(): Promise<void> {
    await Promise.all(this.#pending)
  }

  #lost(err: unknown, event: string): void {
    this.#log.error({ err, event: masked(event, { limit: MAX_NAME }) }, 'failed to record an audit entry')
  }
}

/** Masks the secrets of a text and cuts it. */
type Show = (text: string, limit: number) => string

function presentable(detail: Record<string, unknown>, show: Show): Record<string, unknown> {
  let left = MAX_VALUES
  const object = (value: object): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(value)
        .slice(0, left)
        .flatMap(([name, item]) => (item === undefined ? [] : [[masked(name, { limit: MAX_NAME }), shown(item, name)]]))
    )
  const shown = (value: unknown, name: string): unknown => {
    left = Math.max(0, left - 1)
    if (left === 0) return '…'
    if (typeof value === 'string') return namesSecret(name) ? '***' : show(value, MAX_TEXT)
    if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value
    if (Array.isArray(value)) return value.slice(0, left).map((item) => shown(item, name))
    return typeof value === 'object' ? object(value) : show(String(value), MAX_TEXT)
  }
  return object(detail)
}
