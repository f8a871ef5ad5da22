import type { FastifyBaseLogger } from 'fastify'
import type { Message } from 'grammy/types'
import type { Db } from '../../../db/client.ts'
import type { Clock } from '../../../lanes/clock.ts'

/** Pause after the last part of an album, which Telegram sends as single messages. */
const ALBUM_MS = 1000
const AGAIN_MS = 10_000
/** Albums under way. Beyond this a part is a message of its own. */
const MAX_ALBUMS = 100
const CURSOR = 'telegram.albums'

interface AlbumsOptions {
  readonly cursors: Db['cursors']
  readonly clock: Pick<Clock, 'after'>
  readonly take: (album: readonly Message[]) => Promise<unknown>
  readonly log: Pick<FastifyBaseLogger, 'warn'>
}

/**
 * Gathers the parts of albums. A part is stored before Telegram is answered, since Telegram then forgets it: albums that the end of the process
 * left are taken after the next start.
 */
export class Albums {
  readonly #options: AlbumsOptions
  readonly #albums = new Map<string, Message[]>()
  readonly #timers = new Map<string, () => void>()
  #storing: Promise<void> = Promise.resolve()
  #closed = false

  constructor(options: AlbumsOptions) {
    this.#options = options
  }

  /** Takes up the albums that the last process left. */
  async recover(): Promise<void> {
    const stored = JSON.parse((await this.#options.cursors.get(CURSOR)) ?? '[]') as [string, Message[]][]
    for (const [key, album] of stored) {
      if (this.#albums.has(key)) continue
      this.#albums.set(key, album)
      this.#arm(key, 0)
    }
  }

  /** Adds a part. Resolves once it is stored. `false`: too many albums are under way. */
  async add(message: Message): Promise<boolean> {
    const key = `${message.chat.id}:${message.media_group_id}`
    const album = this.#albums.get(key) ?? []
    if (album.length === 0 && this.#albums.size >= MAX_ALBUMS) return false
    if (!album.some(({ message_id: id }) => id === message.message_id)) album.push(message)
    this.#albums.set(key, album)
    this.#arm(key, ALBUM_MS)
    await this.#store()
    return true
  }

  close(): void {
    this.#closed = true
    for (const callOff of this.#timers.values()) callOff()
    this.#timers.clear()
  }

  #arm(key: string, ms: number): void {
    this.#timers.get(key)?.()
    if (!this.#closed)
      this.#timers.set(
        key,
        this.#options.clock.after(ms, () => void this.#flush(key))
      )
  }

  async #flush(key: string): Promise<void> {
    this.#timers.delete(key)
    const album = (this.#albums.get(key) ?? []).toSorted((one, other) => one.message_id - other.message_id)
    try {
      await this.#options.take(album)
      // A part that came while it was taken is the beginning of the next message.
      const rest = (this.#albums.get(key) ?? []).filter((part) => !album.includes(part))
      if (rest.length > 0) this.#albums.set(key, rest)
      else this.#albums.delete(key)
      await this.#store()
    } catch (err) {
      this.#options.log.warn({ err }, 'Telegram: failed to take an album, it is tried again')
      this.#arm(key, AGAIN_MS)
    }
  }

  #store(): Promise<void> {
    const store = () => this.#options.cursors.put(CURSOR, JSON.stringify([...this.#albums]))
    this.#storing = this.#storing.then(store, store)
    return this.#storing
  }
}
