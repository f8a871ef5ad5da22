import { setImmediate } from 'node:timers/promises'
import type { Db, MessageRow } from '../../db/client.ts'

/** Messages of users and the agent that are copied: the newest before the place. */
export const MAX_COPIED = 1000
/** Bytes of their texts. */
const MAX_BYTES = 16 * 1024 * 1024
/** Messages copied before the event loop runs again: a few milliseconds. */
const AT_ONCE = 20

export interface Fork {
  readonly from: string
  readonly to: string
  /** Id of the last copied message, or with `inclusive: false` of the first that is left out. */
  readonly messageId: number
  readonly inclusive: boolean
}

/**
 * Copies the conversation up to a message into a new, empty session: messages with the results of their tools, their files, and the summary
 * of earlier ones. Times and runs stay those of the original. Returns the number of copied messages of users and the agent.
 */
export async function copyConversation(db: Pick<Db, 'messages' | 'contexts'>, fork: Fork): Promise<number> {
  const { messages: all } = await db.messages.recent(fork.from, { limit: MAX_COPIED, bytes: MAX_BYTES })
  const messages = upTo(all, fork)
  let copied = 0
  for (const [index, { id, sessionId, ...message }] of messages.entries()) {
    await db.messages.append({ ...message, sessionId: fork.to })
    if (message.role !== 'tool') copied++
    if (index % AT_ONCE === AT_ONCE - 1) await setImmediate()
  }
  const summary = (await db.contexts.get(fork.from))?.context?.summary
  if (summary != null && messages[0]?.id === all[0]?.id) {
    await db.contexts.adopt(fork.to, summary)
  }
  return copied
}

function upTo(messages: readonly MessageRow[], { messageId, inclusive }: Fork): readonly MessageRow[] {
  // Results of tools belong to the message before them.
  const end = messages.findIndex(({ id, role }) => role !== 'tool' && (inclusive ? id > messageId : id >= messageId))
  return end === -1 ? messages : messages.slice(0, end)
}
