import type { CallToolResult } from '@modelcontextprotocol/client'
import { RpcError } from '../../rpc/errors.ts'
import type { Attachment } from '../providers/define.ts'
import type { ToolOutput } from '../tools/define.ts'

const MAX_TEXT_BYTES = 256 * 1024

type Content = CallToolResult['content'][number]

/**
 * What a server answered, as the gateway's tools answer: texts joined, files as attachments.
 * @throws RpcError with the server's own words when it says that the call failed
 */
export function outputOf({ content = [], structuredContent, isError }: Partial<CallToolResult>): Required<ToolOutput> {
  const texts = content.map(textOf).filter((text) => text !== undefined)
  if (texts.length === 0 && structuredContent !== undefined) texts.push(JSON.stringify(structuredContent))
  const output = cut(texts.join('\n'))
  if (isError) throw new RpcError('InternalError', output.trim() || 'the tool failed and did not say why')
  return { output, attachments: content.map(fileOf).filter((file) => file !== undefined) }
}

function textOf(part: Content): string | undefined {
  if (part.type === 'text') return part.text
  if (part.type === 'resource' && 'text' in part.resource) return part.resource.text
  if (part.type === 'resource_link') return `${part.name}: ${part.uri}`
  return undefined
}

function fileOf(part: Content): Attachment | undefined {
  if (part.type === 'image' || part.type === 'audio') return { mimeType: part.mimeType, data: part.data }
  if (part.type !== 'resource' || !('blob' in part.resource)) return undefined
  return { mimeType: part.resource.mimeType ?? 'application/octet-stream', data: part.resource.blob }
}

function cut(text: string): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= MAX_TEXT_BYTES) return text
  // A character that was torn at the end is kept back instead of being shown broken.
  const kept = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, MAX_TEXT_BYTES), { stream: true })
  return `${kept}\n[cut: the first ${Buffer.byteLength(kept)} of ${bytes.length} bytes are shown]`
}
