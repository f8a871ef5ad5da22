/** Limits of the gateway on the files of one message. */
export interface FileLimits {
  readonly maxAttachments: number
  /** Of all files of a message together. */
  readonly maxAttachmentBytes: number
}

/** Limits of every gateway so far, for a page that has not asked yet. */
export const USUAL_LIMITS: FileLimits = { maxAttachments: 10, maxAttachmentBytes: 10 * 1024 * 1024 }
/** Pictures above this size are made smaller before they are sent. */
export const LARGE_PICTURE_BYTES = 4 * 1024 * 1024
/** Larger pictures are refused: decoding them could take all memory of a phone. */
export const MAX_PICTURE_BYTES = 64 * 1024 * 1024
/** Files up to this size together can wait in the outbox without a connection. */
export const MAX_INLINE_BYTES = 1024 * 1024
/** Longest file name that the gateway takes. */
const MAX_NAME = 255
const MIME = /^[a-z]+\/[A-Za-z0-9.+-]+(; ?[a-z]+=[A-Za-z0-9.,"-]+){0,8}$/
/** Pictures that a browser can decode and write again. An animation would lose its movement. */
const SHRINKABLE = /^image\/(?:jpeg|png|webp|avif|bmp|heic|heif)$/

export type FileFacts = Pick<File, 'name' | 'type' | 'size'>

/** The type of a file as the gateway takes it. */
export function mimeOf(type: string): string {
  return MIME.test(type) && type.length <= 127 ? type : 'application/octet-stream'
}

/** The name of a file as the gateway takes it. */
export function nameOf(name: string): string {
  return (name || 'file').slice(0, MAX_NAME).toWellFormed()
}

/** Result of the check of a file, before anything of it is read. `shrink`: it is a picture that has to become smaller first. */
export type FileCheck = { readonly refused: string } | { readonly shrink: boolean }

/** Checks a file that would join `count` files of `bytes` together. */
export function checkFile(file: FileFacts, { count, bytes }: { count: number; bytes: number }, limits: FileLimits): FileCheck {
  const { maxAttachments, maxAttachmentBytes } = limits
  if (count >= maxAttachments) return { refused: `A message holds at most ${maxAttachments} files.` }
  // A folder that was dropped is a file without content, too.
  if (file.size === 0) return { refused: 'It is empty, or a folder.' }
  const fits = bytes + file.size <= maxAttachmentBytes
  if (SHRINKABLE.test(file.type) && (file.size > LARGE_PICTURE_BYTES || !fits)) {
    return file.size > MAX_PICTURE_BYTES ? { refused: `A picture may have ${inBytes(MAX_PICTURE_BYTES)}.` } : { shrink: true }
  }
  return fits ? { shrink: false } : { refused: tooLarge(file.size, bytes, limits) }
}

/** Reason for which a file does not fit. */
export function tooLarge(size: number, others: number, { maxAttachmentBytes }: FileLimits): string {
  const all = others > 0 ? ' together with the others' : ''
  return `It has ${inBytes(size)}. The files of a message may have ${inBytes(maxAttachmentBytes)}${all}.`
}

const decimal = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 })

/** "640 B", "12.5 KB", "3 MB". */
export function inBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  const kilo = bytes / 1024
  return kilo < 1000 ? `${decimal.format(kilo)} KB` : `${decimal.format(kilo / 1024)} MB`
}
