import { estimateTokenCount } from 'tokenx'
import type { ChatMessage, ModelPart, ModelRequest, Usage } from './define.ts'

/** About what an image costs; the length of its base64 says nothing. */
const ATTACHMENT_TOKENS = 1000

/** More than any window: the configuration takes none that is larger. */
const MOST_TOKENS = 100_000_000

/** The parts of a call, with an estimate where its provider reports no usage, or one that cannot be. */
export async function* withUsage(parts: AsyncIterable<ModelPart>, request: ModelRequest): AsyncGenerator<ModelPart> {
  let text = ''
  for await (const part of parts) {
    if (part.type === 'text' || part.type === 'reasoning') text += part.text
    if (part.type !== 'finish' || canBe(part.usage)) yield part
    else yield { ...part, usage: estimateUsage(request, text), estimated: true }
  }
}

/** Says of reported tokens that they can be right. Some servers report zero, and others anything. */
function canBe({ inputTokens, outputTokens }: Usage): boolean {
  return [inputTokens, outputTokens].every((it) => Number.isInteger(it) && it >= 0 && it <= MOST_TOKENS) && inputTokens > 0
}

/** Usage of a call as estimated from its texts, for models that do not report it. */
export function estimateUsage(
  { system, messages, tools }: Pick<ModelRequest, 'system' | 'messages' | 'tools'>,
  output: string
): Usage {
  const texts = [system, ...messages.map(textOf), ...tools.map((tool) => JSON.stringify(tool))]
  const attachments = messages.flatMap((message) => (message.role === 'user' ? (message.attachments ?? []) : []))
  return {
    inputTokens: texts.reduce((sum, text) => sum + estimateTokenCount(text), attachments.length * ATTACHMENT_TOKENS),
    outputTokens: estimateTokenCount(output)
  }
}

function textOf(message: ChatMessage): string {
  if (message.role === 'tool') return message.output
  if (message.role === 'user' || !message.toolCalls?.length) return message.text
  return message.text + JSON.stringify(message.toolCalls)
}
