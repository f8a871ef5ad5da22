import { isTextType, MAX_ATTACHMENT_BYTES, MAX_ATTACHMENTS } from '../../rpc/schemas/agent.ts'
import { printable } from '../../security/sanitize.ts'
import type { Attachment } from '../providers/define.ts'
import type { LostFile } from './define.ts'

/** Text types by the end of a name, for texts whose declared type is something else. */
const TEXT_TYPES: Readonly<Record<string, string>> = {
  csv: 'text/csv',
  htm: 'text/html',
  html: 'text/html',
  json: 'application/json',
  md: 'text/markdown',
  xml: 'text/xml'
}
/** Declared types under which spreadsheet programs send comma-separated text. */
const SPREADSHEET = /^application\/(vnd\.ms-excel|vnd\.openxmlformats-officedocument\.spreadsheetml\.sheet|x-csv|csv)$/
/** Control characters that no text has. */
const CONTROL = /[\u0000-\u0008\u000b\u000e-\u001a\u001c-\u001f\u007f]/
const MAX_NAME = 200

/** Files of a message: those that the agent can take, and for people the names of those it cannot, with the reason. */
export interface ReadFiles {
  readonly attachments: readonly Attachment[]
  readonly lost: readonly string[]
}

/**
 * Judges files by their bytes. Senders label files as they please: comma-separated text as Excel, a JPEG as PNG, anything as octet-stream.
 * A text in another encoding becomes UTF-8. A file that the agent cannot take costs that file, never the message.
 */
export async function readFiles(files: readonly (Attachment | LostFile)[]): Promise<ReadFiles> {
  const attachments: Attachment[] = []
  const lost: string[] = []
  let room = MAX_ATTACHMENT_BYTES
  for (const file of files) {
    const filename = file.filename === undefined ? undefined : printable(file.filename, MAX_NAME)
    const lose = (reason: string): void =>
      void lost.push(`${filename === undefined ? 'a file' : `the file ${filename}`} (${reason})`)
    if ('lost' in file) lose(file.lost)
    else if (attachments.length === MAX_ATTACHMENTS) lose(`only ${MAX_ATTACHMENTS} files fit a message`)
    else {
      const bytes = Buffer.from(file.data, 'base64')
      const read = bytes.length > room ? undefined : await contentOf(bytes, { ...file, filename })
      if (bytes.length === 0) lose('it is empty')
      else if (bytes.length > room) lose('it is too large')
      else if (read === undefined) lose('its format is not known')
      else {
        room -= read.bytes.length
        const attachment = { mimeType: read.mimeType, data: read.bytes.toString('base64') }
        attachments.push(filename === undefined ? attachment : { ...attachment, filename })
      }
    }
  }
  return { attachments, lost }
}

type Named = Pick<Attachment, 'mimeType'> & { readonly filename: string | undefined }

/** The type that the bytes say, and the bytes as the agent takes them. Undefined: neither a known format nor text. */
async function contentOf(bytes: Buffer, file: Named): Promise<{ mimeType: string; bytes: Buffer } | undefined> {
  const { fileTypeFromBuffer } = await import('file-type')
  const detected = (await fileTypeFromBuffer(bytes))?.mime
  if (detected !== undefined && !isTextType(detected)) return { mimeType: containerOf(detected, file.mimeType), bytes }
  const text = textOf(bytes)
  return text === undefined ? undefined : { mimeType: textTypeOf(file), bytes: Buffer.from(text) }
}

/** A container may hold sound alone, which its declared type says and its first bytes do not. */
function containerOf(detected: string, declared: string): string {
  const [kind, format] = detected.split('/')
  const said = declared.split(';', 1)[0]!.trim().toLowerCase()
  return kind === 'video' && said === `audio/${format}` ? said : detected
}

/** Text in UTF-8, in UTF-16 with its mark, or in the Western encoding that older programs write. Undefined: no text. */
function textOf(bytes: Buffer): string | undefined {
  const mark = bytes.subarray(0, 2).toString('hex')
  const encodings = mark === 'fffe' ? ['utf-16le'] : mark === 'feff' ? ['utf-16be'] : ['utf-8', 'windows-1252']
  for (const encoding of encodings) {
    try {
      const text = new TextDecoder(encoding, { fatal: true }).decode(bytes)
      return CONTROL.test(text) ? undefined : text
    } catch {
      // Not in this encoding.
    }
  }
  return undefined
}

function textTypeOf({ mimeType, filename = '' }: Named): string {
  if (isTextType(mimeType)) return mimeType.replace(/;\s*charset=[^;]*/i, '')
  const said = mimeType.split(';', 1)[0]!.trim().toLowerCase()
  return TEXT_TYPES[filename.split('.').at(-1)!.toLowerCase()] ?? (SPREADSHEET.test(said) ? 'text/csv' : 'text/plain')
}
