import type { MessageRow } from '../../db/client.ts'
import type { ChatMessage } from '../providers/define.ts'

/** Result of a call that was interrupted. */
const NO_RESULT = 'This call was interrupted; whether it had any effect is not known.'

/** Characters of an unanswered message that stay in its note. */
const MAX_QUOTE = 2000

/**
 * A stored conversation as a model must see it: each tool call followed by its result, also where a crash or a cancel
 * came between the two, and no result without its call. A message whose run failed before any answer is a note.
 */
export function chatOf(rows: readonly MessageRow[]): ChatMessage[] {
  const chat: ChatMessage[] = []
  // In order: some providers use the id of a call again in a later step of the same run.
  const results = Map.groupBy(
    rows.filter(({ role }) => role === 'tool'),
    ({ runId, parts }) => `${runId} ${parts?.callId}`
  )
  const unanswered = unansweredIn(rows)
  for (const row of rows) {
    const { role, content, parts, runId, attachments } = row
    if (role === 'user') {
      const failed = unanswered.get(row)
      if (failed !== undefined) chat.push({ role, text: noteOf(row, failed) })
      else chat.push({ role, text: content, ...(attachments.length > 0 ? { attachments } : {}) })
    }
    if (role !== 'assistant') continue
    const toolCalls = parts?.toolCalls ?? []
    chat.push({ role, text: content, ...(toolCalls.length > 0 ? { toolCalls } : {}) })
    for (const { callId, tool } of toolCalls) {
      const result = results.get(`${runId} ${callId}`)?.shift()
      chat.push({ role: 'tool', callId, tool, output: result?.content ?? NO_RESULT, failed: result?.parts?.failed ?? true })
    }
  }
  return chat
}

/** Messages of users whose run failed before any answer to them, and how it failed. */
function unansweredIn(rows: readonly MessageRow[]): Map<MessageRow, 'refused' | 'failed'> {
  const unanswered = new Map<MessageRow, 'refused' | 'failed'>()
  for (const [index, { parts, runId }] of rows.entries()) {
    if (parts?.unanswered === undefined) continue
    // The mark is on the newest message of its run; those right before it were not answered either.
    for (let at = index; rows[at]?.role === 'user' && rows[at]?.runId === runId; at--) unanswered.set(rows[at]!, parts.unanswered)
  }
  return unanswered
}

/** A refused message is not quoted: its text may be the reason. */
function noteOf({ content, attachments }: MessageRow, failed: 'refused' | 'failed'): string {
  const files = attachments.length === 0 ? '' : ` with ${attachments.length === 1 ? 'a file' : `${attachments.length} files`}`
  if (failed === 'refused') {
    return `[The user sent a message${files} here. The provider of the model refused it, so it is left out and was not answered.]`
  }
  const quote = content.length > MAX_QUOTE ? `${content.slice(0, MAX_QUOTE).toWellFormed()}…` : content
  return `[The user sent this message${files} here. It was not answered, because the model could not be asked: ${JSON.stringify(quote)}]`
}

/** Number of messages of the chat that the rows up to the one with that id make. */
export function chatLength(rows: readonly MessageRow[], upTo: number): number {
  const counted = rows.filter(({ id, role }) => id <= upTo && role !== 'tool')
  return counted.reduce((length, { role, parts }) => length + 1 + (role === 'assistant' ? (parts?.toolCalls?.length ?? 0) : 0), 0)
}
