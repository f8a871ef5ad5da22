import { stat } from 'node:fs/promises'

/** Milliseconds between two looks. */
const EVERY_MS = 1000

export interface FileWatchOptions {
  readonly file: string
  /** The file was replaced or changed, and has not been touched since the last look. */
  readonly changed: () => void
  /** The file was emptied. Its writer may not be done. */
  readonly emptied: () => void
}

/**
 * Watches a file by polling, as `fs.watchFile` does: file system events follow the inode, which a renaming editor or a Kubernetes
 * volume replaces. A change counts only when two looks in a row have seen the same state: a file may be half written, and the
 * beginning of a YAML file is often valid YAML.
 */
export class FileWatch {
  readonly #options: FileWatchOptions
  /** State that was reported last, or that of the start. */
  #known: string | undefined
  #seen: string | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: FileWatchOptions) {
    this.#options = options
  }

  /** Takes the current state as known. */
  async mark(): Promise<void> {
    this.#known = this.#seen = await markOf(this.#options.file)
  }

  start(): void {
    const look = (): void => void this.look().finally(() => this.#timer?.refresh())
    this.#timer = setTimeout(look, EVERY_MS).unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  async look(): Promise<void> {
    const mark = await markOf(this.#options.file)
    const settled = mark === this.#seen
    this.#seen = mark
    // A removed file changes nothing, and neither does one that comes back unchanged.
    if (mark === undefined || mark === this.#known || !settled) return
    this.#known = mark
    if (mark.endsWith(' 0')) this.#options.emptied()
    else this.#options.changed()
  }
}

/** Identity, time and size of the file; undefined when it does not exist. */
async function markOf(file: string): Promise<string | undefined> {
  try {
    const { dev, ino, mtimeNs, size } = await stat(file, { bigint: true })
    return `${dev} ${ino} ${mtimeNs} ${size}`
  } catch {
    return undefined
  }
}
