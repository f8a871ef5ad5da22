import type { ChatMessage } from '../providers/define.ts'
import { tokensOf } from './tokens.ts'

/** Limit on the messages that stay word for word. */
const KEPT = 6

export interface CutOptions {
  /** Tokens that what stays may have; what has not been answered yet stays anyhow. */
  readonly budget: number
  /** Something has to go, also where everything could stay. */
  readonly force: boolean
}

/**
 * Number of the first messages of a chat that give way to a summary; 0 for none. The rest begins with a message of the user, or else with
 * one of the assistant, so that each result has its call. Messages that the model has to answer next always stay.
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

/** Index of the first message that no model has answered: a new one, or a call whose results are new. */
function unansweredFrom(chat: readonly ChatMessage[]): number {
  const last = chat.findLastIndex(({ role }) => role === 'assistant')
  const message = chat[last]
  return message?.role === 'assistant' && message.toolCalls?.length ? last : last + 1
}
