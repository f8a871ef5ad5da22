import { randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { PluginStore } from '../../db/client.ts'
import type { Caller } from '../../rpc/define.ts'
import { invalidParams, RpcError } from '../../rpc/errors.ts'
import { allows } from '../../rpc/registry.ts'
import { MAX_ATTACHMENT_BYTES } from '../../rpc/schemas/agent.ts'

/** Time for which an upload can be sent. Its message has a copy of its own. */
export const KEPT_MS = 60 * 60 * 1000
/** Uploads of one caller that are kept at once: 20 files of 10 MiB. */
export const MAX_UPLOADS = 20
/** Uploads of all callers that are kept at once: they fill at most 2 GiB of the disk. */
export const MAX_UPLOADS_IN_ALL = 200

/** Bytes of a file, both ends included. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** A file that was uploaded and not sent yet. */
export interface Upload {
  readonly id: string
  /** Id of the caller who uploaded it. Only that caller and an admin can send or read it. */
  readonly owner: string
  readonly mimeType: string
  readonly filename?: string
  readonly bytes: number
  /** Epoch milliseconds. */
  readonly createdAt: number
}

interface UploadsOptions {
  readonly folder: string
  /** Remembers the uploads of an earlier process. */
  readonly store: Pick<PluginStore, 'set' | 'delete' | 'list'>
  readonly now?: () => number
}

/** Files on their way into a message: each is streamed to the disk, and removed after an hour. */
export class Uploads {
  readonly #folder: string
  readonly #store: UploadsOptions['store']
  readonly #now: () => number
  readonly #uploads = new Map<string, Upload>()
  /** Owners of the files that are being received. */
  readonly #arriving: string[] = []

  constructor({ folder, store, now = Date.now }: UploadsOptions) {
    this.#folder = folder
    this.#store = store
    this.#now = now
  }

  /** Reads what an earlier process left, and removes files that nothing refers to. */
  async open(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    let after: string | undefined
    do {
      const page = await this.#store.list({ after, limit: 500 })
      for (const { value } of page.values) {
        const upload = value as unknown as Upload
        this.#uploads.set(upload.id, upload)
      }
      after = page.next
    } while (after !== undefined)
    for (const name of await readdir(this.#folder))
      if (!this.#uploads.has(name)) await rm(join(this.#folder, name), { force: true })
    await this.purge()
  }

  /**
   * Writes a file to the disk as it comes in.
   * @throws RpcError AgentBusy when too many are kept; InvalidRequest (413) when it is too large, or (400) empty
   */
  async save(content: Readable, { owner, mimeType, filename }: Pick<Upload, 'owner' | 'mimeType' | 'filename'>): Promise<Upload> {
    this.#assertRoom(owner)
    this.#arriving.push(owner)
    const id = `u-${randomUUID()}`
    const path = join(this.#folder, id)
    let bytes = 0
    try {
      await pipeline(
        content,
        async function* (chunks: AsyncIterable<Buffer>) {
          for await (const chunk of chunks) {
            bytes += chunk.length
            if (bytes > MAX_ATTACHMENT_BYTES) throw tooLarge()
            yield chunk
          }
        },
        createWriteStream(path, { flags: 'wx', mode: 0o600 })
      )
      if (bytes === 0) throw new RpcError('InvalidRequest', 'The file is empty')
      const upload: Upload = {
        id,
        owner,
        mimeType,
        ...(filename === undefined ? {} : { filename }),
        bytes,
        createdAt: this.#now()
      }
      await this.#store.set(id, { ...upload })
      this.#uploads.set(id, upload)
      return upload
    } catch (error) {
      await rm(path, { force: true })
      throw error
    } finally {
      this.#arriving.splice(this.#arriving.indexOf(owner), 1)
    }
  }

  /** An upload of the caller; undefined when there is none, or it belongs to another one. */
  get(id: string, caller: Caller): Upload | undefined {
    const upload = this.#uploads.get(id)
    if (upload === undefined || upload.createdAt + KEPT_MS <= this.#now()) return undefined
    return upload.owner === caller.id || allows(caller, 'admin') ? upload : undefined
  }

  /** Bytes of an upload from `start` to `end`, both included. */
  read({ id }: Upload, { start, end }: ByteRange): Readable {
    return createReadStream(join(this.#folder, id), { start, end })
  }

  /**
   * Files of a message, in base64. They stay for the rest of their hour, so that a message can be sent again.
   * @throws RpcError InvalidRequest for an id that is unknown, expired, or of another caller
   */
  async filesOf(ids: readonly string[], caller: Caller) {
    const uploads = ids.map((id, index) => {
      const upload = this.get(id, caller)
      if (upload !== undefined) return upload
      const message = 'is no upload of yours, or is older than an hour: upload the file again'
      throw invalidParams([{ path: `params.attachmentIds[${index}]`, message }])
    })
    const total = uploads.reduce((sum, { bytes }) => sum + bytes, 0)
    if (total > MAX_ATTACHMENT_BYTES) {
      const message = `must hold at most ${MAX_ATTACHMENT_BYTES} bytes together, got ${total}`
      throw invalidParams([{ path: 'params.attachmentIds', message }])
    }
    return await Promise.all(
      uploads.map(async ({ id, mimeType, filename }) => ({
        mimeType,
        data: await readFile(join(this.#folder, id), 'base64'),
        ...(filename === undefined ? {} : { filename })
      }))
    )
  }

  /** Removes uploads older than an hour. */
  async purge(): Promise<void> {
    const before = this.#now() - KEPT_MS
    for (const { id, createdAt } of [...this.#uploads.values()]) {
      if (createdAt > before) continue
      this.#uploads.delete(id)
      await rm(join(this.#folder, id), { force: true })
      await this.#store.delete(id)
    }
  }

  #assertRoom(owner: string): void {
    const owners = [...Array.from(this.#uploads.values(), (upload) => upload.owner), ...this.#arriving]
    if (owners.length < MAX_UPLOADS_IN_ALL && owners.filter((one) => one === owner).length < MAX_UPLOADS) return
    throw new RpcError('AgentBusy', `Too many uploads wait to be sent: at most ${MAX_UPLOADS} of one caller within an hour`)
  }
}

function tooLarge(): RpcError {
  return new RpcError('InvalidRequest', `The file is larger than ${MAX_ATTACHMENT_BYTES} bytes`, { statusCode: 413 })
}
