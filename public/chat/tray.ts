import type { MessageContent, TurnFile } from '../../rpc/client/model/index.ts'
import { checkFile, type FileLimits, MAX_INLINE_BYTES, mimeOf, nameOf, tooLarge, USUAL_LIMITS } from './file-check.ts'
import { isImage } from './file-words.ts'
import { type Uploaded, UploadFailed, type UploadRequest } from './upload-request.ts'

/** An upload can be sent for an hour; some minutes are left for clocks that differ, and for the way. */
const UPLOAD_LIFE_MS = 55 * 60 * 1000
/** Uploads at a time: more share the same line. */
const PARALLEL = 2
/** Files of sent messages whose name and picture are remembered. */
const MAX_SENT = 50

/**
 * State of a chosen file.
 *
 *   shrinking ─▶ waiting ─▶ uploading ─▶ ready
 *                   ▲           │
 *                   └──retry── failed
 */
export interface ChosenFile {
  readonly key: number
  readonly name: string
  readonly type: string
  readonly bytes: number
  readonly state: 'shrinking' | 'waiting' | 'uploading' | 'ready' | 'failed'
  /** Part that was uploaded, from 0 to 1. */
  readonly progress: number
  /** Name on the gateway, once it is ready. */
  readonly id?: string
  readonly uploadedAt?: number
  /** Reason of a failure. */
  readonly problem?: string
  /** Its content is here: it can be uploaded again. */
  readonly here: boolean
  /** URL of the picture. */
  readonly preview?: string
}

/** Files of a message, as `send` takes them. */
export type SentFiles = Partial<Pick<MessageContent, 'attachments' | 'attachmentIds'>>

/** Sends a message with these files. `uploads`: those of `attachmentIds`, as a turn shows them. */
export type SendFiles = (files: SentFiles, uploads: readonly (TurnFile & { readonly id: string })[]) => void

export interface TrayOptions {
  readonly upload: (request: Omit<UploadRequest, 'base' | 'headers'>) => Promise<Uploaded>
  /** Makes a picture smaller. */
  readonly shrink: (file: Blob) => Promise<Blob>
  readonly connected: () => boolean
  readonly onChange: () => void
  /** Keeps the ids of uploads across a reload. */
  readonly save: (saved: string | undefined) => void
  readonly limits?: () => FileLimits
  readonly now?: () => number
}

/** A file that is kept across a reload: without its content. */
type Saved = Pick<ChosenFile, 'name' | 'type' | 'bytes' | 'id' | 'uploadedAt'>

/** The files of the message that is being written, and content that was taken back while the input field was not empty. */
export class Tray {
  files: readonly ChosenFile[] = []
  /** Files that were not taken, and why. */
  refused: readonly { readonly name: string; readonly reason: string }[] = []
  /** Content of messages that were taken back. */
  offered: readonly MessageContent[] = []
  readonly #options: TrayOptions
  readonly #contents = new Map<number, Blob>()
  readonly #aborts = new Map<number, AbortController>()
  /** Files of sent messages, by their id on the gateway. */
  readonly #sent = new Map<string, ChosenFile>()
  /** Sends the message once its files are uploaded. */
  #held: (() => void) | undefined
  /** Files are being read into the message: it is not sent a second time. */
  #delivering = false
  #shrinking: Promise<void> = Promise.resolve()
  #last = 0

  constructor(options: TrayOptions) {
    this.#options = options
  }

  get empty(): boolean {
    return this.files.length === 0 && this.offered.length === 0
  }

  /** A message waits for its files. */
  get held(): boolean {
    return this.#held !== undefined || this.#delivering
  }

  /** The files can wait with their message for a connection. */
  get portable(): boolean {
    return this.#inline().length > 0
  }

  /** Takes files that a person chose. Each is checked before it is read. */
  add(files: readonly File[]): void {
    this.refused = []
    for (const file of files) {
      const { count, bytes } = this.#total()
      const check = checkFile(file, { count, bytes }, this.#limits)
      if ('refused' in check) this.refuse(file.name, check.refused)
      else this.#insert(file, check.shrink)
    }
    this.#changed()
  }

  /** Says that a file was not taken. */
  refuse(name: string, reason: string): void {
    this.refused = [...this.refused, { name, reason }]
    this.#options.onChange()
  }

  remove(key: number): void {
    this.#release(key)
    this.#changed()
  }

  /** Uploads a file again that failed. */
  retry(key: number): void {
    const file = this.#find(key)
    if (file?.state !== 'failed' || !file.here) return
    this.#set(key, { state: 'waiting', progress: 0, problem: undefined })
    this.#changed()
  }

  /** The connection came or went: what broke off goes on with the next one. */
  wake(): void {
    for (const { key, state, problem } of this.files) {
      if (state === 'failed' && problem === BROKEN) this.#set(key, { state: 'waiting', progress: 0, problem: undefined })
    }
    this.#changed()
  }

  /**
   * Sends the message now, or once its files are uploaded. The files leave the tray.
   * @returns false when it waits for them
   */
  send(send: SendFiles): boolean {
    if (this.#delivering) return false
    for (const { key, state, uploadedAt = 0, here } of this.files) {
      if (state !== 'ready' || uploadedAt + UPLOAD_LIFE_MS > this.#now()) continue
      if (here) this.#set(key, { state: 'waiting', progress: 0, id: undefined, uploadedAt: undefined })
      else this.#set(key, { state: 'failed', problem: 'It was uploaded more than an hour ago. Choose it again.' })
    }
    this.#held = () => {
      const inline = this.#inline()
      if (inline.length > 0) void this.#deliverInline(inline, send)
      else if (this.files.every(({ state }) => state === 'ready')) this.#deliver(send)
    }
    this.#changed()
    return !this.held
  }

  /** The message does not wait for its files any more; they stay. */
  release(): void {
    this.#held = undefined
    this.#changed()
  }

  /** A file of a message that was sent from here. */
  sentFile(id: string): ChosenFile | undefined {
    return this.#sent.get(id)
  }

  /** Puts the files of a message back that was taken back. */
  restore({ attachments, attachmentIds }: MessageContent): void {
    for (const { data, mimeType, filename } of attachments) {
      const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0))
      this.#insert(new File([bytes], filename ?? 'file', { type: mimeType }), false)
    }
    for (const id of attachmentIds) {
      const known = this.#sent.get(id)
      const facts = known ?? { name: 'file', type: 'application/octet-stream', bytes: 0 }
      const { name, type, bytes, preview } = facts as ChosenFile
      const shown = preview === undefined ? {} : { preview }
      const uploadedAt = known?.uploadedAt ?? this.#now()
      this.#sent.delete(id)
      this.#push({ key: ++this.#last, name, type, bytes, ...shown, state: 'ready', progress: 1, id, uploadedAt, here: false })
    }
    this.#changed()
  }

  /** Keeps the content of a message that was taken back until a person wants it. */
  offer(content: MessageContent): void {
    this.offered = [...this.offered, content]
    this.#changed()
  }

  /** Removes an offered content. */
  dismiss(content: MessageContent): void {
    this.offered = this.offered.filter((one) => one !== content)
    this.#changed()
  }

  /** Forgets the refusals. */
  forgive(): void {
    this.refused = []
    this.#changed()
  }

  /** Takes what was saved before a reload. Files that were not uploaded then have to be chosen again. */
  open(saved: string | undefined): void {
    if (saved === undefined || this.files.length > 0) return
    const { files, offered } = JSON.parse(saved) as { files: Saved[]; offered: MessageContent[] }
    this.offered = [...offered, ...this.offered]
    for (const file of files) {
      const key = ++this.#last
      const fresh = file.id !== undefined && (file.uploadedAt ?? 0) + UPLOAD_LIFE_MS > this.#now()
      const problem = 'It was not uploaded before this page was left. Choose it again.'
      const state = fresh ? ({ state: 'ready', progress: 1 } as const) : ({ state: 'failed', progress: 0, problem } as const)
      this.#push({ ...file, key, here: false, ...state })
    }
    this.#changed()
  }

  /** Ends everything. */
  close(): void {
    for (const { key } of this.files) this.#release(key)
    for (const { preview } of this.#sent.values()) if (preview !== undefined) URL.revokeObjectURL(preview)
    this.#sent.clear()
    this.#held = undefined
    this.#options.onChange()
  }

  #deliver(send: SendFiles): void {
    const uploads = this.files.flatMap(({ id, type, name, bytes }) =>
      id === undefined ? [] : { id, mimeType: type, filename: name, bytes }
    )
    for (const file of this.files) {
      if (file.id !== undefined) this.#remember(file.id, file)
      this.#drop(file.key)
    }
    this.#held = undefined
    send(uploads.length > 0 ? { attachmentIds: uploads.map(({ id }) => id) } : {}, uploads)
  }

  /** Files that go into the message itself, without a connection: small ones, also uploads, which would not outlast an hour. */
  #inline(): readonly ChosenFile[] {
    if (this.#options.connected()) return []
    const here = this.files.filter((file) => file.here)
    const left = this.files.filter(({ state }) => state !== 'ready')
    const fits = (files: readonly ChosenFile[]): boolean => {
      const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
      return bytes <= MAX_INLINE_BYTES && files.every((file) => file.here && file.state !== 'shrinking')
    }
    if (!fits(left)) return []
    return fits(here) ? here : left
  }

  async #deliverInline(files: readonly ChosenFile[], send: SendFiles): Promise<void> {
    this.#held = undefined
    this.#delivering = true
    const attachments = await Promise.all(
      files.map(async ({ key, name, type }) => ({ mimeType: type, filename: name, data: await base64(this.#contents.get(key)!) }))
    )
    this.#delivering = false
    // Some may be uploaded by now.
    for (const { key } of files) this.#release(key)
    this.#deliver((uploaded, uploads) => send({ ...uploaded, attachments }, uploads))
    this.#changed()
  }

  #insert(file: File, shrink: boolean): void {
    const key = ++this.#last
    const type = mimeOf(file.type)
    const preview = isImage({ mimeType: type }) ? { preview: URL.createObjectURL(file) } : {}
    this.#contents.set(key, file)
    const state = shrink ? 'shrinking' : 'waiting'
    this.#push({ key, name: nameOf(file.name), type, bytes: file.size, state, progress: 0, here: true, ...preview })
    if (shrink) this.#shrinking = this.#shrinking.then(() => this.#shrink(key, file))
  }

  async #shrink(key: number, file: File): Promise<void> {
    let small: Blob = file
    let problem: string | undefined
    try {
      small = await this.#options.shrink(file)
    } catch {
      // A picture that this browser cannot read goes as it is, where it fits.
      problem = 'This browser cannot make the picture smaller.'
    }
    if (!this.#find(key)) return
    const { bytes } = this.#total(key)
    if (bytes + small.size > this.#limits.maxAttachmentBytes) {
      this.remove(key)
      this.refuse(file.name, [tooLarge(small.size, bytes, this.#limits), problem].filter(Boolean).join(' '))
    } else {
      this.#contents.set(key, small)
      // Of a type that the browser shows.
      const preview = this.#find(key)?.preview ?? (small === file ? undefined : URL.createObjectURL(small))
      this.#set(key, { state: 'waiting', bytes: small.size, type: mimeOf(small.type), preview })
    }
    this.#changed()
  }

  /** Begins uploads for which there is room. */
  #advance(): void {
    if (!this.#options.connected()) return
    for (const file of this.files) {
      if (this.#aborts.size >= PARALLEL) return
      if (file.state === 'waiting') void this.#upload(file)
    }
  }

  async #upload({ key, name, type }: ChosenFile): Promise<void> {
    const abort = new AbortController()
    this.#aborts.set(key, abort)
    this.#set(key, { state: 'uploading' })
    try {
      const { id } = await this.#options.upload({
        name,
        type,
        content: this.#contents.get(key)!,
        signal: abort.signal,
        onProgress: (progress) => {
          this.#set(key, { progress })
          this.#options.onChange()
        }
      })
      this.#set(key, { state: 'ready', progress: 1, id, uploadedAt: this.#now() })
    } catch (error) {
      const broken = error instanceof UploadFailed && error.broken
      // The connection ended with it: it goes on with the next one.
      if (broken && !this.#options.connected()) this.#set(key, { state: 'waiting', progress: 0 })
      else this.#set(key, { state: 'failed', progress: 0, problem: broken ? BROKEN : (error as Error).message })
    }
    this.#aborts.delete(key)
    this.#changed()
  }

  #changed(): void {
    this.#advance()
    this.#held?.()
    const files = this.files.map(({ name, type, bytes, id, uploadedAt }) => ({ name, type, bytes, id, uploadedAt }))
    this.#options.save(this.empty ? undefined : JSON.stringify({ files, offered: this.offered }))
    this.#options.onChange()
  }

  get #limits(): FileLimits {
    return this.#options.limits?.() ?? USUAL_LIMITS
  }

  /** All files but one. Pictures that are to become smaller do not count with their size now. */
  #total(but?: number): { count: number; bytes: number } {
    const others = this.files.filter(({ key }) => key !== but)
    const sized = others.filter(({ state }) => state !== 'shrinking')
    return { count: others.length, bytes: sized.reduce((sum, { bytes }) => sum + bytes, 0) }
  }

  #push(file: ChosenFile): void {
    this.files = [...this.files, file]
  }

  #find(key: number): ChosenFile | undefined {
    return this.files.find((file) => file.key === key)
  }

  #set(key: number, change: { readonly [K in keyof ChosenFile]?: ChosenFile[K] | undefined }): void {
    this.files = this.files.map((file) => (file.key === key ? ({ ...file, ...change } as ChosenFile) : file))
  }

  /** Forgets a file that does not go into a message by its id. */
  #release(key: number): void {
    const preview = this.#find(key)?.preview
    this.#aborts.get(key)?.abort()
    if (preview !== undefined) URL.revokeObjectURL(preview)
    this.#drop(key)
  }

  #drop(key: number): void {
    this.files = this.files.filter((file) => file.key !== key)
    this.#contents.delete(key)
  }

  #remember(id: string, file: ChosenFile): void {
    this.#sent.set(id, file)
    const [oldest] = this.#sent
    if (this.#sent.size <= MAX_SENT || !oldest) return
    this.#sent.delete(oldest[0])
    if (oldest[1].preview !== undefined) URL.revokeObjectURL(oldest[1].preview)
  }

  #now(): number {
    return (this.#options.now ?? Date.now)()
  }
}

/** Failure after which the same upload may succeed. */
const BROKEN = 'The upload broke off.'

async function base64(content: Blob): Promise<string> {
  const bytes = new Uint8Array(await content.arrayBuffer())
  let text = ''
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000))
  return btoa(text)
}
