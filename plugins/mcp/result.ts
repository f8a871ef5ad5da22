import { isDeepStrictEqual } from 'node:util'
import { RpcError } from '../../rpc/errors.ts'
import type { Attachment } from '../providers/define.ts'
import type { ToolOutput } from '../tools/define.ts'

const MAX_TEXT_BYTES = 256 * 1024
/** Characters of a type in a note to the model. */
const MAX_TYPE = 40

type Part = { readonly text: string } | { readonly file: Attachment }

/**
 * Answer of a server as the gateway's tools answer: texts joined, files as attachments. Content that cannot be shown is named, so
 * that the model knows that something is missing.
 * @throws Error when the answer has no list of contents; RpcError with the server's own words when it reports a failure
 */
export function outputOf(answer: unknown): Required<ToolOutput> {
  const { content, structuredContent, isError } = record(answer)
  if (!Array.isArray(content ?? [])) throw new Error('its answer has no list of contents')
  const parts = ((content ?? []) as unknown[]).flatMap(partsOf)
  const texts = parts.flatMap((part) => ('text' in part ? [part.text] : []))
  // Servers repeat structured content as a text for older clients.
  if (structuredContent !== undefined && !texts.some((text) => isJsonOf(text, structuredContent))) {
    texts.push(JSON.stringify(structuredContent))
  }
  const output = cut(texts.join('\n'))
  if (isError === true) throw new RpcError('InternalError', output.trim() || 'the tool failed without a reason')
  return { output, attachments: parts.flatMap((part) => ('file' in part ? [part.file] : [])) }
}

function partsOf(content: unknown): Part[] {
  const { type, text, data, mimeType, resource, name, uri } = record(content)
  if (type === 'text' && typeof text === 'string') return [{ text }]
  if ((type === 'image' || type === 'audio') && typeof data === 'string') {
    return [{ file: { mimeType: String(mimeType), data } }]
  }
  if (type === 'resource_link' && typeof uri === 'string')
    return [{ text: `${typeof name === 'string' ? name : 'resource'}: ${uri}` }]
  if (type === 'resource') {
    const { text: body, blob, mimeType: kind = 'application/octet-stream' } = record(resource)
    if (typeof body === 'string') return [{ text: body }]
    if (typeof blob === 'string') return [{ file: { mimeType: String(kind), data: blob } }]
  }
  const shown = typeof type === 'string' ? `of the type '${type.slice(0, MAX_TYPE)}'` : 'without a type'
  return [{ text: `[content ${shown} is left out: it cannot be shown]` }]
}

function isJsonOf(text: string, value: unknown): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(text), value)
  } catch {
    return false
  }
}

function cut(text: string): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= MAX_TEXT_BYTES) return text
  // An unfinished character at the cut is left out instead of being shown broken.
  const kept = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, MAX_TEXT_BYTES), { stream: true })
  return `${kept}\n[cut: the first ${Buffer.byteLength(kept)} of ${bytes.length} bytes are shown]`
}

/** The members of an object, without null; none of anything else. */
function record(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return {}
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, member ?? undefined]))
}
