import { RpcError } from '../../rpc/errors.ts'
import type { Masker } from '../../security/masking/masker.ts'
import { masked } from '../../security/sanitize.ts'
import { decodable } from './attachments.ts'
import { type AnyTool, type SourcedTool, type ToolContext, ToolError, type ToolOutput, type ToolResult } from './define.ts'

/** Characters of an error message; honest ones are shorter. */
const MAX_ERROR = 1000

/** Shown in place of an unexpected error. The error itself goes to the log. */
const UNEXPECTED = 'the tool failed'

/** Room for a note of the tool itself, which comes last: `[cut: …]`. */
const NOTE_BYTES = 1024

interface OutcomeOptions {
  /** Paths that no error shows. */
  readonly hidden: readonly string[]
  readonly masker: (() => Masker) | undefined
  /** Bytes of the output. */
  readonly maxBytes: number
}

/**
 * Runs a tool and makes a result of its end. Only the message of a `ToolError` or `RpcError` is shown, without server paths and
 * credentials.
 * @throws the signal's reason when the run was aborted
 */
export async function outcome(
  tool: AnyTool | SourcedTool,
  args: Record<string, unknown>,
  context: ToolContext,
  { hidden, masker, maxBytes }: OutcomeOptions
): Promise<ToolResult> {
  try {
    const returned: string | ToolOutput = await tool.run(args, context)
    const { output, attachments = [] } = typeof returned === 'string' ? { output: returned } : returned
    if (typeof output !== 'string') throw new TypeError('a tool returns a text, or an object with the text as its output')
    return { success: true, error: null, ...decodable(cut(output, maxBytes), attachments) }
  } catch (cause) {
    context.signal.throwIfAborted()
    if (cause instanceof ToolError || cause instanceof RpcError) {
      const output = cause instanceof ToolError ? cut(cause.output, maxBytes) : ''
      const error = masked(cause.message, { hidden, masker: masker?.(), limit: MAX_ERROR })
      return { success: false, output, error, attachments: [] }
    }
    context.log.error({ err: cause, tool: tool.name }, 'a tool failed with an unexpected error')
    return { success: false, output: '', error: UNEXPECTED, attachments: [] }
  }
}

function cut(output: string, maxBytes: number): string {
  // A text has at most three bytes a character.
  if (output.length * 3 <= maxBytes) return output
  const bytes = Buffer.from(output)
  if (bytes.length <= maxBytes + NOTE_BYTES) return output
  const kept = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, maxBytes), { stream: true })
  return `${kept}\n[cut: the first ${Buffer.byteLength(kept)} of ${bytes.length} bytes are shown, as limits.tool_result_bytes allows]`
}
