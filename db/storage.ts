import { type BigIntStats, statSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Free space below which nothing more can be stored reliably: a commit of a large message and its copy in the database. */
const LEAST_FREE_BYTES = 1024 * 1024
/** Errors of SQLite after which writes are expected to fail again: disk full, quota, I/O error, read-only, damaged. */
const LASTING = /^SQLITE_(FULL|IOERR|READONLY|CORRUPT|CANTOPEN|NOTADB)/

/** Health of the file of a database: its identity, the free space around it, and the outcome of the last write. */
export class Storage {
  readonly #file: string
  readonly #opened: BigIntStats | undefined
  readonly #leastFree: number
  #failing = false

  /** @param file path of an open database, or `:memory:` */
  constructor(file: string, leastFree: number = LEAST_FREE_BYTES) {
    this.#file = file
    this.#leastFree = leastFree
    this.#opened = file === ':memory:' ? undefined : statSync(file, { bigint: true })
  }

  /** The last write failed for a reason that does not go away by itself. */
  get failing(): boolean {
    return this.#failing
  }

  /** Runs something that may write, and remembers a lasting failure until a later write succeeds. */
  watch<T>(run: () => T): T {
    try {
      const result = run()
      this.#failing = false
      return result
    } catch (error) {
      if (LASTING.test(String((error as { code?: unknown }).code))) this.#failing = true
      throw error
    }
  }

  /** @throws Error when the file was deleted or replaced since it was opened: everything written to it is then lost */
  assertSameFile(): void {
    if (!this.#opened) return
    const now = statSync(this.#file, { bigint: true, throwIfNoEntry: false })
    if (!now) throw new Error('the database file was deleted while the gateway uses it; stop the gateway and restore a backup')
    if (now.ino !== this.#opened.ino || now.dev !== this.#opened.dev) {
      throw new Error('the database file was replaced while the gateway uses it; restart the gateway')
    }
  }

  /** @throws Error when the disk has too little free space */
  async assertSpace(): Promise<void> {
    if (!this.#opened) return
    const { bavail, bsize } = await statfs(dirname(this.#file))
    const free = bavail * bsize
    if (free < this.#leastFree) throw new Error(`the disk of the database is full: ${free} bytes are free`)
  }
}
