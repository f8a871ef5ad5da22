import { estimateTokenCount } from 'tokenx'
import type { ChatMessage, ModelRequest, Usage } from './define.ts'

/** About what an image costs; the length of its base64 says nothing. */
const ATTACHMENT_TOKENS = 1000

/** Usage of a call as far as it can be told from the texts, for models that do not report it. */
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
