import type { Attachment, ChatMessage } from '../providers/define.ts'
import { textOf, textOfFile, tokensIn, tokensOf } from './tokens.ts'

/** Share of the beginning in a text that is cut. */
const HEAD = 2 / 3

/**
 * A text of at most about `limit` tokens: the middle of a longer one gives way to a note that says so. The note stays, whatever the limit.
 */
export function shortenText(text: string, limit: number): string {
  // No text has more tokens than characters, and most need not be looked at.
  if (text.length <= limit || tokensIn(text) <= limit) return text
  let left = text.length
  for (;;) {
    left = Math.floor(left / 2)
    const short = cutTo(text, left)
    const tokens = tokensIn(short)
    if (left === 0) return short
    if (tokens > limit) continue
    // Halving may have taken twice as much as it had to.
    const longer = cutTo(text, Math.floor(left * Math.min(1.9, (0.95 * limit) / tokens)))
    return tokensIn(longer) <= limit ? longer : short
  }
}

/** A message of at most about `limit` tokens: its texts are cut, the longest ones first. Calls and other files stay as they are. */
export function shorten<M extends ChatMessage>(message: M, limit: number): M {
  if (quickSize(message) <= limit) return message
  const size = tokensOf(message)
  if (size <= limit) return message
  const texts = [textOf(message), ...filesOf(message).flatMap((file) => textOfFile(file) ?? [])].map(tokensIn)
  const fixed = size - texts.reduce((sum, tokens) => sum + tokens, 0)
  const each = levelOf(texts, limit - fixed)
  const text = shortenText(textOf(message), each)
  if (message.role === 'tool') return { ...message, output: text }
  if (message.role === 'assistant') return { ...message, text }
  const attachments = filesOf(message).map((file) => shortenFile(file, each))
  return { ...message, text, ...(attachments.length > 0 ? { attachments } : {}) }
}

/** Messages of at most about `limit` tokens together: the longest ones are cut to one length. */
export function shortenAll(messages: readonly ChatMessage[], limit: number): ChatMessage[] {
  const each = levelOf(messages.map(tokensOf), limit)
  return messages.map((message) => shorten(message, each))
}

/** The size to which the largest must shrink for all of them together to be at most `limit`. */
function levelOf(sizes: readonly number[], limit: number): number {
  let left = Math.max(0, limit)
  for (const [index, size] of sizes.toSorted((one, other) => one - other).entries()) {
    const share = Math.floor(left / (sizes.length - index))
    if (size > share) return share
    left -= size
  }
  return Number.POSITIVE_INFINITY
}

function shortenFile(file: Attachment, limit: number): Attachment {
  const text = textOfFile(file)
  if (text === undefined) return file
  const short = shortenText(text, limit)
  return short === text ? file : { ...file, data: Buffer.from(short).toString('base64') }
}

/** Never less than the tokens, but for what no cut makes smaller; costs nothing. */
function quickSize(message: ChatMessage): number {
  return message.role === 'assistant' && message.toolCalls
    ? Number.POSITIVE_INFINITY
    : filesOf(message).reduce((sum, { data }) => sum + Math.max(data.length, 1000), textOf(message).length)
}

function filesOf(message: ChatMessage): readonly Attachment[] {
  return message.role === 'user' ? (message.attachments ?? []) : []
}

function cutTo(text: string, characters: number): string {
  const head = Math.floor(characters * HEAD)
  // Halves of a character are no text.
  const before = text.slice(0, head).replace(/[\ud800-\udbff]$/, '')
  const after = text.slice(text.length - (characters - head)).replace(/^[\udc00-\udfff]/, '')
  return `${before}\n[… ${text.length - before.length - after.length} characters were left out here: the text is too long for the model …]\n${after}`
}
