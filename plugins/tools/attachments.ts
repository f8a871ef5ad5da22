import { Attachment as AttachmentSchema, MAX_ATTACHMENT_BYTES, MAX_ATTACHMENTS } from '../../rpc/schemas/agent.ts'
import { compile } from '../../rpc/validate.ts'
import type { Attachment } from '../providers/define.ts'

/** Strict: whoever decodes it must not have to guess. */
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/
const check = compile<Attachment>(AttachmentSchema, 'attachment')

/**
 * What a tool handed back, as it may be told: as many files as may come with a message, and of those only what is one. Tools are written by
 * many, and those of MCP servers by anybody; a client must be able to decode what it gets. What is left out is told in the output.
 */
export function handedBack(
  output: string,
  files: readonly Attachment[]
): { readonly output: string; readonly attachments: readonly Attachment[] } {
  const attachments: Attachment[] = []
  let bytes = 0
  for (const file of files) {
    if (attachments.length === MAX_ATTACHMENTS) break
    if (!isFile(file)) continue
    const size = Buffer.byteLength(file.data, 'base64')
    if (bytes + size > MAX_ATTACHMENT_BYTES) continue
    bytes += size
    attachments.push(file)
  }
  const leftOut = files.length - attachments.length
  if (leftOut === 0) return { output, attachments }
  const note = `[${leftOut} ${leftOut === 1 ? 'file is' : 'files are'} left out: too large, too many, or not readable]`
  return { output: `${output}${output ? '\n' : ''}${note}`, attachments }
}

function isFile(file: Attachment): boolean {
  return 'value' in check(file) && file.data.length % 4 === 0 && BASE64.test(file.data)
}
