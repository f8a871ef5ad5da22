import type { ChatMessage } from '../providers/define.ts'
import { tokensOf } from './tokens.ts'

/** Messages that stay word for word at the most. */
const KEPT = 6

export interface CutOptions {
  /** Tokens that what stays may have; what has not been answered yet stays anyhow. */
  readonly budget: number
  /** Something has to go, also where everything could stay. */
  readonly force: boolean
}

/**
 * How many of the first messages of a chat give way to a summary; 0 for none. What stays begins with a message of the user, or else with
 * one of the assistant, so that each result is there with its call. What the model has to answer next always stays.
 */
export function cutAt(chat: readonly ChatMessage[], { budget, force }: CutOptions): number {
  const open = unansweredFrom(chat)
  let [user, assistant] = [open, open]
  let tokens = 0
  for (let at = chat.length - 1; at >= (force ? 1 : 0); at--) {
    const message = chat[at]!
    tokens += tokensOf(message)
    if (tokens > budget || chat.length - at > KEPT) break
    if (at > open) continue
    if (message.role === 'user') user = at
    if (message.role !== 'tool') assistant = at
  }
  return user < open || chat[user]?.role === 'user' ? user : assistant
}

/** Where that begins which no model has seen: new messages, or results with the calls they answer. */
function unansweredFrom(chat: readonly ChatMessage[]): number {
  const last = chat.findLastIndex(({ role }) => role === 'assistant')
  const message = chat[last]
  return message?.role === 'assistant' && message.toolCalls?.length ? last : last + 1
}
