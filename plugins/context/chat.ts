import type { MessageRow } from '../../db/client.ts'
import type { ChatMessage } from '../providers/define.ts'

/** What the model is told of a call whose result nobody knows any more. */
const NO_RESULT = 'This call was interrupted; whether it had any effect is not known.'

/**
 * A stored conversation as a model must see it: each tool call followed by its result, also where a crash or a cancel
 * came between the two, and no result without its call.
 */
export function chatOf(rows: readonly MessageRow[]): ChatMessage[] {
  const chat: ChatMessage[] = []
  // In order: some providers use the id of a call again in a later step of the same run.
  const results = Map.groupBy(
    rows.filter(({ role }) => role === 'tool'),
    ({ runId, parts }) => `${runId} ${parts?.callId}`
  )
  for (const { role, content, parts, runId, attachments } of rows) {
    if (role === 'user') chat.push({ role, text: content, ...(attachments.length > 0 ? { attachments } : {}) })
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

/** How many messages of the chat the rows up to the one with that id are. */
export function chatLength(rows: readonly MessageRow[], upTo: number): number {
  const counted = rows.filter(({ id, role }) => id <= upTo && role !== 'tool')
  return counted.reduce((length, { role, parts }) => length + 1 + (role === 'assistant' ? (parts?.toolCalls?.length ?? 0) : 0), 0)
}
