import { estimateTokenCount } from 'tokenx'
import { isTextType } from '../../rpc/schemas/agent.ts'
import type { Attachment, ChatMessage, ToolSpec } from '../providers/define.ts'

/** About what an image costs; the length of its base64 says nothing. */
const FILE_TOKENS = 1000
/** Characters of one piece, and the number of pieces that stand for a longer text, so that its estimate takes no longer. */
const PIECE = 4096
const PIECES = 4
/** The estimate takes any amount of space for nothing; models do not. */
const MOST_CHARACTERS_PER_TOKEN = 16
/** Letters and digits without end, such as base64, which the estimate takes for long words: models take them two at a time. */
const DENSE = /[\w+/=-]{48,}/g
const DENSE_CHARACTERS_PER_TOKEN = 2

/** Estimated tokens of a text. */
export function tokensIn(text: string): number {
  const least = Math.ceil(text.length / MOST_CHARACTERS_PER_TOKEN)
  if (text.length <= PIECE * PIECES) return Math.max(least, estimated(text))
  const gap = Math.floor((text.length - PIECE) / (PIECES - 1))
  const pieces = Array.from({ length: PIECES }, (_, n) => estimated(text.slice(n * gap, n * gap + PIECE)))
  const sampled = pieces.reduce((sum, tokens) => sum + tokens, 0)
  return Math.max(least, Math.ceil((sampled * text.length) / (PIECE * PIECES)))
}

/** Estimated tokens of a message. */
export function tokensOf(message: ChatMessage): number {
  const texts = tokensIn(textOf(message))
  if (message.role === 'assistant') return texts + callTokens(message)
  return message.role === 'user' ? (message.attachments ?? []).reduce((sum, file) => sum + fileTokens(file), texts) : texts
}

/** Tokens of the system prompt and the tools. */
export function tokensBefore(system: string, tools: readonly ToolSpec[]): number {
  return tools.reduce((sum, tool) => sum + tokensIn(JSON.stringify(tool)), tokensIn(system))
}

export function textOf(message: ChatMessage): string {
  return message.role === 'tool' ? message.output : message.text
}

/** The text that a model is given in place of a file; undefined for one that it is given as it is. */
export function textOfFile({ mimeType, data }: Attachment): string | undefined {
  return isTextType(mimeType) ? Buffer.from(data, 'base64').toString() : undefined
}

function estimated(text: string): number {
  const words = text.replace(DENSE, '')
  return estimateTokenCount(words) + Math.ceil((text.length - words.length) / DENSE_CHARACTERS_PER_TOKEN)
}

function fileTokens(file: Attachment): number {
  const text = textOfFile(file)
  return text === undefined ? FILE_TOKENS : tokensIn(text)
}

function callTokens({ toolCalls }: ChatMessage & { role: 'assistant' }): number {
  return toolCalls?.length ? tokensIn(JSON.stringify(toolCalls)) : 0
}
