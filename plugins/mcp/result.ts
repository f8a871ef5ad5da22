import type { CallToolResult } from '@modelcontextprotocol/client'
import { RpcError } from '../../rpc/errors.ts'
import { MAX_ATTACHMENT_BYTES, MAX_ATTACHMENTS } from '../../rpc/schemas/agent.ts'
import type { Attachment } from '../providers/define.ts'
import type { ToolOutput } from '../tools/define.ts'

const MAX_TEXT_BYTES = 256 * 1024
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/
const MIME_TYPE = /^[\w.+-]{1,64}\/[\w.+-]{1,64}$/

type Content = CallToolResult['content'][number]

/**
 * What a server answered, as the gateway's tools answer: texts joined, files as attachments.
 * @throws RpcError with the server's own words when it says that the call failed
 */
export function outputOf({ content = [], structuredContent, isError }: Partial<CallToolResult>): Required<ToolOutput> {
  const texts: string[] = []
  const attachments: Attachment[] = []
  let bytes = 0
  let leftOut = 0
  for (const part of content) {
    const text = textOf(part)
    if (text !== undefined) texts.push(text)
    const file = fileOf(part)
    if (!file) continue
    const size = Math.floor((file.data.length * 3) / 4)
    if (!isFile(file) || attachments.length === MAX_ATTACHMENTS || bytes + size > MAX_ATTACHMENT_BYTES) leftOut++
    else {
      bytes += size
      attachments.push(file)
    }
  }
  if (texts.length === 0 && structuredContent !== undefined) texts.push(JSON.stringify(structuredContent))
  const output = cut(texts.join('\n'))
  if (isError) throw new RpcError('InternalError', output.trim() || 'the tool failed and did not say why')
  const note = `[${leftOut} ${leftOut === 1 ? 'file is' : 'files are'} left out: too large, too many, or not readable]`
  return { output: leftOut > 0 ? `${output}${output ? '\n' : ''}${note}` : output, attachments }
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

function isFile({ mimeType, data }: Attachment): boolean {
  return MIME_TYPE.test(mimeType) && data.length > 0 && data.length % 4 === 0 && BASE64.test(data)
}

function cut(text: string): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= MAX_TEXT_BYTES) return text
  // A character that was torn at the end is kept back instead of being shown broken.
  const kept = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, MAX_TEXT_BYTES), { stream: true })
  return `${kept}\n[cut: the first ${Buffer.byteLength(kept)} of ${bytes.length} bytes are shown]`
}
