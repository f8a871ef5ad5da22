import type { Database } from 'better-sqlite3'

/** Interval at which the database is looked at. A checkpoint comes one to two intervals after the last write. */
const EVERY_MS = 2000

/**
 * Moves the write-ahead log into the database file once writes pause, and empties it. The file by itself is then complete, also when it
 * is copied with `cp`, and deleted text does not stay in the log. Under load SQLite does this by itself, by the size of the log.
 */
export class QuietCheckpoints {
  readonly #client: Database
  readonly #timer: NodeJS.Timeout
  readonly #changes: () => unknown
  /** Number of changed rows at the last look, and at the last checkpoint. */
  #seen: unknown
  #checkpointed: unknown

  constructor(client: Database) {
    this.#client = client
    const changes = client.prepare('select total_changes()').pluck()
    this.#changes = () => changes.get()
    this.#seen = this.#checkpointed = this.#changes()
    this.#timer = setInterval(() => this.#look(), EVERY_MS).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const changes = this.#changes()
    const quiet = changes === this.#seen
    this.#seen = changes
    if (!quiet || changes === this.#checkpointed) return
    this.#checkpointed = changes
    try {
      this.#client.pragma('wal_checkpoint(TRUNCATE)')
    } catch {
      // A full disk or another process in between: nothing is lost, the log stays and the next pause tries again.
      this.#checkpointed = undefined
    }
  }
}
