import { Readable } from 'node:stream'
import type { Db } from '../../db/client.ts'
import type { Caller } from '../../rpc/define.ts'
import { allows } from '../../rpc/registry.ts'
import type { ByteRange, Uploads } from './uploads.ts'

/** Bytes read from the database at once. */
const CHUNK = 1024 * 1024
/** Id of a file of a stored message: the id of the message and the place of the file. */
const STORED = /^(\d{1,15})-(\d{1,3})$/

/** A file that can be read. */
export interface StoredFile {
  readonly mimeType: string
  readonly filename: string | undefined
  readonly bytes: number
  /** Never holds more than a part of the file in memory. */
  read(range: ByteRange): Readable
}

/** Files of messages, and uploads on their way into one. */
export class Attachments {
  readonly uploads: Uploads
  readonly #messages: Pick<Db['messages'], 'file' | 'part'>

  constructor(uploads: Uploads, messages: Pick<Db['messages'], 'file' | 'part'>) {
    this.uploads = uploads
    this.#messages = messages
  }

  /**
   * A file by its id. Files of messages are for callers that may read sessions, uploads for who uploaded them. Undefined: there is none
   * for this caller.
   */
  async find(id: string, caller: Caller): Promise<StoredFile | undefined> {
    const [, messageId, position] = STORED.exec(id) ?? []
    if (messageId === undefined) {
      const upload = this.uploads.get(id, caller)
      return upload && { ...upload, filename: upload.filename, read: (range) => this.uploads.read(upload, range) }
    }
    if (!allows(caller, 'read')) return undefined
    const place = { messageId: Number(messageId), position: Number(position) }
    const found = await this.#messages.file(place)
    const part = (start: number, length: number) => this.#messages.part({ ...place, start, length })
    return (
      found && {
        ...found,
        filename: found.filename ?? undefined,
        read: (range) => Readable.from(chunksOf(range, part), { objectMode: false })
      }
    )
  }
}

async function* chunksOf({ start, end }: ByteRange, part: (start: number, length: number) => Promise<Buffer | undefined>) {
  for (let at = start; at <= end; at += CHUNK) {
    const chunk = await part(at, Math.min(CHUNK, end + 1 - at))
    // Its session was deleted.
    if (chunk === undefined) throw new Error('the file is gone')
    yield chunk
  }
}
