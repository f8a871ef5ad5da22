import { stat } from 'node:fs/promises'

/** Milliseconds between two looks. */
const EVERY_MS = 1000

export interface FileWatchOptions {
  readonly file: string
  /** The file is another one, or has other content, and has been left alone since the last look. */
  readonly changed: () => void
  /** The file was emptied. Who writes it may not have come to it yet. */
  readonly emptied: () => void
}

/**
 * Notices changes of a file by looking at it, as `fs.watchFile` does: notices of the system follow the inode, which an editor
 * that renames, or the links of a Kubernetes volume, replace. It is taken for changed only when two looks in a row have seen the
 * same: in between somebody may be writing it, and the beginning of a YAML file often is a YAML file too.
 */
export class FileWatch {
  readonly #options: FileWatchOptions
  /** What was last told, or was there at the start. */
  #known: string | undefined
  #seen: string | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: FileWatchOptions) {
    this.#options = options
  }

  /** What is there now is known. */
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
    // Gone changes nothing; and when it comes back as it was, nothing has changed either.
    if (mark === undefined || mark === this.#known || !settled) return
    this.#known = mark
    if (mark.endsWith(' 0')) this.#options.emptied()
    else this.#options.changed()
  }
}

/** Which file it is, when it was written, how long it is. Undefined: there is none. */
async function markOf(file: string): Promise<string | undefined> {
  try {
    const { dev, ino, mtimeNs, size } = await stat(file, { bigint: true })
    return `${dev} ${ino} ${mtimeNs} ${size}`
  } catch {
    return undefined
  }
}
