import { randomUUID } from 'node:crypto'
import type { FinishReason, streamText } from 'ai'
import { argumentsOf, type ModelPart, type ModelRequest, ProviderError, type ToolCall, type Usage } from './define.ts'
import type { WireNames } from './names.ts'

/** Some local servers report nothing. */
const NOT_TOLD: Usage = { inputTokens: 0, outputTokens: 0 }

type SdkPart = ReturnType<typeof streamText>['stream'] extends AsyncIterable<infer Part> ? Part : never

/**
 * The SDK's parts of one model call as ours. Tool calls are held back until it is sure that the answer is whole: one that
 * was cut off must not run. Throws whatever went wrong, in the SDK's own words.
 */
export async function* partsOf(
  stream: AsyncIterable<SdkPart>,
  request: ModelRequest,
  names: WireNames,
  provider: string
): AsyncGenerator<ModelPart> {
  const calls: ToolCall[] = []
  let spoke = false
  let ended: FinishReason | undefined
  let usage = NOT_TOLD
  for await (const part of stream) {
    request.signal.throwIfAborted()
    if (part.type === 'error') throw part.error
    if (part.type === 'text-delta' && part.text !== '') {
      spoke = true
      yield { type: 'text', text: part.text }
    }
    if (part.type === 'file') yield { type: 'file', file: { mimeType: part.file.mediaType, data: part.file.base64 } }
    if (part.type === 'tool-call') calls.push(toolCall(part, names, calls))
    if (part.type === 'finish') {
      ended = part.finishReason
      usage = reported(part.totalUsage)
    }
  }
  request.signal.throwIfAborted()
  const reason = reasonOf(ended, calls.length > 0, spoke, provider)
  for (const call of calls) yield { type: 'tool_call', call }
  yield { type: 'finish', reason, usage }
}

function reported({ inputTokens, outputTokens }: { [K in keyof Usage]: number | undefined }): Usage {
  return inputTokens === undefined || outputTokens === undefined ? NOT_TOLD : { inputTokens, outputTokens }
}

/**
 * How the answer ended. A stream that is cut ends without error, with a finish reason that says so or says nothing; a
 * filter that stopped a text in the middle leaves that text as the answer.
 */
function reasonOf(
  ended: FinishReason | undefined,
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
      throw new ProviderError(`The model provider ${provider} declined to answer`, { retryable: false })
    default:
      throw new ProviderError(`The model provider ${provider} broke off its answer: try again`, { retryable: true })
  }
}

/** The SDK leaves arguments that it cannot parse as text. Servers that give a call no id, or the id of another, exist. */
function toolCall(
  { toolCallId, toolName, input }: { toolCallId: string; toolName: string; input: unknown },
  names: WireNames,
  earlier: readonly ToolCall[]
): ToolCall {
  const taken = toolCallId === '' || earlier.some(({ callId }) => callId === toolCallId)
  return { callId: taken ? `call_${randomUUID()}` : toolCallId, tool: names.fromWire(toolName), ...argumentsOf(input) }
}
