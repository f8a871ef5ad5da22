import { Attachment as AttachmentSchema, MAX_ATTACHMENT_BYTES, MAX_ATTACHMENTS } from '../../rpc/schemas/agent.ts'
import { compile } from '../../rpc/validate.ts'
import type { Attachment } from '../providers/define.ts'

/** Strict base64, so that every decoder reads it alike. */
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/
const check = compile<Attachment>(AttachmentSchema, 'attachment')

/**
 * Keeps the files of a tool that a client can decode, at most as many as a message may hold. Tools of MCP servers are written by
 * strangers. A note in the output says how many files are left out.
 */
export function decodable(
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
