import type { Issue } from '../../rpc/errors.ts'
import { isTextType, MAX_ATTACHMENT_BYTES } from '../../rpc/schemas/agent.ts'
import type { Attachment } from '../providers/define.ts'

/** Strict: Buffer.from(…, 'base64') would quietly skip what it does not know. */
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/
/** Aliases of detected types. Magic bytes identify a container, and not its content, which may be sound or pictures. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['image/jpg', 'image/jpeg'],
  ['image/apng', 'image/png'],
  ['audio/mp3', 'audio/mpeg'],
  ['audio/webm', 'video/webm'],
  ['audio/ogg', 'video/ogg'],
  ['application/ogg', 'video/ogg'],
  ['audio/mp4', 'video/mp4'],
  ['audio/m4a', 'video/mp4'],
  ['audio/x-wav', 'audio/wav'],
  ['audio/wave', 'audio/wav'],
  ['audio/vnd.wave', 'audio/wav'],
  ['audio/x-m4a', 'video/mp4'],
  ['application/x-zip-compressed', 'application/zip']
])

/**
 * Looks into what came with a message: base64 that decodes, within the size limit, and of the type it says.
 * @returns the problems by path; empty when there are none
 */
export async function checkAttachments(attachments: readonly Attachment[]): Promise<Issue[]> {
  const issues: Issue[] = []
  let total = 0
  for (const [index, { data, mimeType }] of attachments.entries()) {
    const path = `params.attachments[${index}]`
    if (data.length % 4 !== 0 || !BASE64.test(data)) {
      issues.push({ path: `${path}.data`, message: 'must be base64, padded, without line breaks' })
      continue
    }
    const bytes = Buffer.from(data, 'base64')
    total += bytes.length
    const problem = await mismatch(bytes, mimeType)
    if (problem) issues.push({ path: `${path}.mimeType`, message: problem })
  }
  if (total > MAX_ATTACHMENT_BYTES) {
    issues.push({ path: 'params.attachments', message: `must hold at most ${MAX_ATTACHMENT_BYTES} bytes together, got ${total}` })
  }
  return issues
}

async function mismatch(bytes: Buffer, declared: string): Promise<string | undefined> {
  if (bytes.length === 0) return 'belongs to an empty file'
  // Text has no magic bytes.
  if (isTextType(declared)) return isText(bytes) ? undefined : `says ${declared}, but the data is not UTF-8 text`
  const { fileTypeFromBuffer } = await import('file-type')
  const detected = (await fileTypeFromBuffer(bytes))?.mime
  const [said, found] = [canonical(declared), detected && canonical(detected)]
  if (found === undefined) return `says ${declared}, but the data does not look like it`
  return found === said ? undefined : `says ${declared}, but the data is ${detected}`
}

/** Without parameters such as `;codecs=opus`. */
function canonical(mimeType: string): string {
  const type = mimeType.split(';', 1)[0]!.trim().toLowerCase()
  return ALIASES.get(type) ?? type
}

function isText(bytes: Buffer): boolean {
  if (bytes.includes(0)) return false
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}
