import { randomUUID } from 'node:crypto'
import { parseJson } from '../../rpc/json.ts'
import { argumentsOf, type ModelPart, ProviderError, type ToolCall, type Usage } from './define.ts'
import { brokenOff, unreadable } from './failure.ts'
import type { SdkPart } from './kinds.ts'
import type { WireNames } from './names.ts'

/** Some local servers report nothing. */
const UNREPORTED: Usage = { inputTokens: 0, outputTokens: 0 }

const CUT_OFF =
  'Not run: your answer reached its limit of tokens before this call was complete. Call again with shorter arguments, or in several calls.'

export interface AnswerOptions {
  readonly signal: AbortSignal
  readonly names: WireNames
  readonly provider: string
  /** The model has already said something. */
  readonly spoke: boolean
}

/**
 * The rest of one model call after its texts: files, tool calls, the end. Tool calls are held back until the answer is known to be whole,
 * and those of an answer that was cut at its limit are marked invalid: the last one may be incomplete without looking so. Throws errors of
 * the package as they are.
 */
export async function* partsOf(
  stream: ReadableStream<SdkPart>,
  { signal, names, provider, ...before }: AnswerOptions
): AsyncGenerator<ModelPart> {
  const calls: ToolCall[] = []
  let { spoke } = before
  let finish: Extract<SdkPart, { type: 'finish' }> | undefined
  for await (const part of stream) {
    signal.throwIfAborted()
    switch (part.type) {
      case 'text-delta':
        if (part.delta === '') break
        spoke = true
        yield { type: 'text', text: part.delta }
        break
      case 'file':
        if (part.data.type === 'data') yield { type: 'file', file: { mimeType: part.mediaType, data: base64(part.data.data) } }
        break
      case 'tool-call':
        calls.push(toolCall(part, names, calls))
        break
      case 'error':
        throw part.error
      case 'finish':
        finish = part
    }
  }
  signal.throwIfAborted()
  const reason = reasonOf(finish?.finishReason.unified, calls.length > 0, spoke, provider)
  for (const call of calls) {
    yield { type: 'tool_call', call: reason === 'length' ? { ...call, args: {}, invalid: CUT_OFF } : call }
  }
  yield { type: 'finish', reason, usage: usageOf(finish) }
}

function usageOf(finish: Extract<SdkPart, { type: 'finish' }> | undefined): Usage {
  const [inputTokens, outputTokens] = [finish?.usage.inputTokens.total, finish?.usage.outputTokens.total]
  return inputTokens === undefined || outputTokens === undefined ? UNREPORTED : { inputTokens, outputTokens }
}

/** A filter that stopped a text in the middle leaves that text as the answer. */
function reasonOf(
  ended: string | undefined,
  called: boolean,
  spoke: boolean,
  provider: string
): 'stop' | 'tool_calls' | 'length' {
  switch (ended) {
    case 'stop':
    case 'tool-calls':
      return called ? 'tool_calls' : 'stop'
    case 'length':
      return 'length'
    case 'content-filter':
      if (spoke) return 'stop'
      throw new ProviderError(`The model provider ${provider} declined to answer`, { retryable: false, reason: 'filtered' })
    case undefined:
      throw unreadable(provider, 'the answer has no end')
    default:
      throw brokenOff(provider)
  }
}

/** The package leaves arguments that it cannot parse as text. Some servers give a call no id, or the id of another. */
function toolCall(
  { toolCallId, toolName, input }: Extract<SdkPart, { type: 'tool-call' }>,
  names: WireNames,
  earlier: readonly ToolCall[]
): ToolCall {
  const taken = toolCallId === '' || earlier.some(({ callId }) => callId === toolCallId)
  return { callId: taken ? `call_${randomUUID()}` : toolCallId, tool: names.fromWire(toolName), ...argumentsOf(parsed(input)) }
}

/** Keys that would reach a prototype make arguments invalid. No arguments at all are none. */
function parsed(input: string): unknown {
  if (input.trim() === '') return {}
  try {
    return parseJson(input)
  } catch {
    return input
  }
}

function base64(data: Uint8Array | string): string {
  return typeof data === 'string' ? data : Buffer.from(data).toString('base64')
}
