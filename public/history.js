/** @import { File } from './file.js' */
/** @import { ToolCall } from './tool.js' */

import { Turn } from './turn.js'

/**
 * One message of a stored conversation.
 * @typedef {{ role: 'user' | 'assistant', content: string, runId: string, status: 'complete' | 'partial' | 'interrupted',
 *   toolCalls?: ToolCall[], attachments?: File[] }} HistoryEntry
 */

/**
 * Builds one turn per run of a history, with the messages and the whole answer of the run.
 * @param {HistoryEntry[]} history
 */
export function turnsOf(history) {
  /** @type {Map<string, { turn: Turn, last: HistoryEntry }>} */
  const runs = new Map()
  for (const entry of history) {
    const { role, content, runId, attachments = [], toolCalls = [] } = entry
    const known = runs.get(runId)
    const turn = known?.turn ?? new Turn()
    turn.runId = runId
    if (role === 'assistant') turn.write(turn.answer === '' ? content : `\n\n${content}`)
    // A message steered into a run stands in the middle of its answer.
    else if (known?.last.role === 'assistant') turn.join(content, Number.POSITIVE_INFINITY)
    else turn.ask(content)
    runs.set(runId, { turn, last: entry })
    for (const file of attachments) turn.attach(file)
    for (const call of toolCalls) turn.call(call)
  }
  const turns = [...runs.values()]
  for (const { turn, last } of turns) {
    turn.whole = isSettled(last)
    if (turn.whole) turn.enter('done')
    else if (last.status === 'interrupted') turn.enter('unanswered', 'Interrupted: the gateway ended while the agent was working')
    else turn.enter('unanswered')
  }
  return turns.map(({ turn }) => turn)
}

/**
 * Returns true if the last row of a run is a complete answer. Otherwise the end is unknown: the rows of a failed, stopped or
 * running run look the same.
 * @param {HistoryEntry} entry
 */
function isSettled({ role, status, toolCalls }) {
  return role === 'assistant' && status === 'complete' && !toolCalls?.length
}
