import { type Static, Type } from '@sinclair/typebox'

/** Characters of a mail that reach the agent. */
const MAX_TEXT = 256 * 1024
const MAX_HTML = 2 * 1024 * 1024
/** Encodings in seven bits with an escape character: valid UTF-8 by their bytes. */
const ESCAPED = /^(iso-2022-|hz-gb-2312)/i

export const Part = Type.Recursive((Self) =>
  Type.Object({
    mimeType: Type.Optional(Type.String()),
    filename: Type.Optional(Type.String()),
    headers: Type.Optional(Type.Array(Type.Object({ name: Type.String(), value: Type.String() }))),
    body: Type.Optional(
      Type.Object({
        data: Type.Optional(Type.String()),
        attachmentId: Type.Optional(Type.String()),
        size: Type.Optional(Type.Number())
      })
    ),
    parts: Type.Optional(Type.Array(Self))
  })
)
export type Part = Static<typeof Part>

/** A file of a mail: its bytes, or the id to fetch them by. */
export interface MailFile {
  readonly filename: string
  readonly mimeType: string
  readonly size: number
  /** Base64 of URLs. */
  readonly data: string | undefined
  readonly attachmentId: string | undefined
}

/** Text of a mail: of alternatives the richest one that says anything. HTML becomes text. */
export async function textOf(part: Part | undefined): Promise<string> {
  const text = (await partText(part)).trim()
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}\n\n[The rest of this mail was cut off.]` : text
}

export function filesOf(part: Part | undefined): MailFile[] {
  if (part === undefined) return []
  const { filename = '', mimeType = 'application/octet-stream', body, parts = [] } = part
  if (filename === '' || body === undefined) return parts.flatMap((inner) => filesOf(inner as Part))
  return [{ filename, mimeType, size: body.size ?? 0, data: body.data, attachmentId: body.attachmentId }]
}

async function partText(part: Part | undefined): Promise<string> {
  if (part === undefined || (part.filename ?? '') !== '') return ''
  const type = part.mimeType?.toLowerCase() ?? ''
  const parts = (part.parts ?? []) as Part[]
  if (type === 'multipart/alternative') {
    // RFC 2046 section 5.1.4: the last one is the richest.
    for (const inner of parts.toReversed()) {
      const text = await partText(inner)
      if (text.trim() !== '') return text
    }
    return ''
  }
  if (parts.length > 0) {
    const texts: string[] = []
    for (const inner of parts) texts.push((await partText(inner)).trim())
    return texts.filter((text) => text !== '').join('\n\n')
  }
  if (type === 'text/html') return await textOfHtml(contentOf(part))
  return type === 'text/plain' || type === '' ? contentOf(part) : ''
}

/** Body in its charset. Most servers have made it UTF-8 already, whatever its header says, so that is tried first. */
function contentOf({ body, headers = [] }: Part): string {
  const bytes = Buffer.from(body?.data ?? '', 'base64url')
  const type = headers.find(({ name }) => name.toLowerCase() === 'content-type')?.value ?? ''
  const declared =
    /charset\s*=\s*"?([^\s";]+)/i.exec(type)?.[1] ?? /<meta[^>]{0,200}charset=["']?([\w-]+)/i.exec(bytes.toString('latin1'))?.[1]
  const first = declared !== undefined && (ESCAPED.test(declared) || /^utf-?16/i.test(declared)) ? declared : 'utf-8'
  return decoded(bytes, first, true) ?? decoded(bytes, declared ?? 'windows-1252') ?? new TextDecoder().decode(bytes)
}

function decoded(bytes: Buffer, charset: string, fatal = false): string | undefined {
  try {
    return new TextDecoder(charset, { fatal }).decode(bytes)
  } catch {
    return undefined
  }
}

/** Loaded with the first HTML mail. What a mail hides from people is left out: it is written for machines. */
async function textOfHtml(html: string): Promise<string> {
  const { convert } = await import('html-to-text')
  return convert(html, {
    wordwrap: false,
    limits: { maxInputLength: MAX_HTML },
    selectors: [
      { selector: 'img', format: 'skip' },
      { selector: '[hidden]', format: 'skip' },
      { selector: '[style*="display:none"]', format: 'skip' },
      { selector: '[style*="display: none"]', format: 'skip' },
      { selector: 'a', options: { hideLinkHrefIfSameAsText: true } }
    ]
  })
}
