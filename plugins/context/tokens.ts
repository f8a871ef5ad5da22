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

/** Messages that are estimated one by one, and those that stand for all others of a longer conversation. */
const EXACT = 400
const SAMPLE = 400
const GOLDEN = 0.618_033_988_749_895

/**
 * Estimated tokens of messages together. The older ones of many are estimated by a sample: an estimate takes 50 microseconds, and a
 * conversation may have ten thousand messages.
 */
export function tokensOfAll(messages: readonly ChatMessage[]): number {
  const sum = (some: readonly ChatMessage[], of: (message: ChatMessage) => number) =>
    some.reduce((total, message) => total + of(message), 0)
  if (messages.length <= EXACT + SAMPLE) return sum(messages, tokensOf)
  const older = messages.slice(0, -EXACT)
  // Spread by the golden ratio: even steps would meet only the questions of a conversation, or only the answers.
  const sample = Array.from({ length: SAMPLE }, (_, n) => older[Math.floor(((n * GOLDEN) % 1) * older.length)]!)
  const tokensPerCharacter = sum(sample, tokensOf) / Math.max(1, sum(sample, charactersOf))
  return sum(messages.slice(-EXACT), tokensOf) + Math.ceil(tokensPerCharacter * sum(older, charactersOf))
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

/** Size of a message: characters of its texts, and for a file as many as its tokens may have. */
function charactersOf(message: ChatMessage): number {
  const text = textOf(message).length
  if (message.role === 'assistant' && message.toolCalls?.length) return text + JSON.stringify(message.toolCalls).length
  if (message.role !== 'user') return text
  return (message.attachments ?? []).reduce(
    (sum, { mimeType, data }) => sum + (isTextType(mimeType) ? data.length : FILE_TOKENS * 4),
    text
  )
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
