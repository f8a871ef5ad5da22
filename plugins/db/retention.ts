import { setImmediate } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { Db } from '../../db/client.ts'
import type { Config } from '../config/index.ts'

const DAY_MS = 24 * 60 * 60 * 1000

export interface RetentionOptions {
  readonly db: Pick<Db, 'runs' | 'messages' | 'audit' | 'presence' | 'search' | 'analytics'>
  /** Current settings: a reload may change them. */
  readonly settings: () => Config['retention']
  readonly log: Pick<FastifyBaseLogger, 'info' | 'error'>
  readonly now?: () => number
}

/**
 * Deletes stored data past its retention. Each step deletes as much as takes a few milliseconds, and the event loop runs between two steps.
 */
export class Retention {
  readonly #options: RetentionOptions
  /** The purge that runs, if any. */
  #running: Promise<void> | undefined
  #stopped = false

  constructor(options: RetentionOptions) {
    this.#options = options
  }

  /** Deletes everything past its retention. Never rejects: failures are logged. A call during a purge joins it. */
  purge(): Promise<void> {
    this.#running ??= this.#purge().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** Ends after the current step. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  async #purge(): Promise<void> {
    const { db, settings, now = Date.now } = this.#options
    const { runsDays, messagesDays, auditDays, presenceDays } = settings()
    // Runs are counted before they are deleted.
    await this.#each('runs', runsDays, async (before) => {
      while (await db.analytics.countRuns(now())) await setImmediate()
      return await db.runs.purge(before)
    })
    await this.#each('messages', messagesDays, (before) => db.messages.purge(before))
    await this.#each('audit entries', auditDays, (before) => db.audit.purge(before))
    await this.#each('senders', presenceDays, (before) => db.presence.purge(before))
    await this.#compact()
  }

  /** Words of deleted messages leave the storage of the search index. */
  async #compact(): Promise<void> {
    const { db, log } = this.#options
    try {
      while (!this.#stopped && (await db.search.compact())) await setImmediate()
    } catch (err) {
      log.error({ err }, 'failed to compact the search index')
    }
  }

  async #each(name: string, days: number | undefined, step: (before: number) => Promise<number>): Promise<void> {
    if (days === undefined) return
    const { log, now = Date.now } = this.#options
    const before = now() - days * DAY_MS
    let deleted = 0
    try {
      while (!this.#stopped) {
        const count = await step(before)
        if (count === 0) break
        deleted += count
        await setImmediate()
      }
    } catch (err) {
      log.error({ err }, `failed to delete old ${name}`)
    }
    if (deleted > 0) log.info({ deleted, days }, `deleted old ${name}`)
  }
}
