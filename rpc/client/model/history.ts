import type { CallPart, HistoryEntry, TurnPart } from './turn.ts'

/** Rows of one run, oldest first, as the parts of its turn. */
export function partsOf(rows: readonly HistoryEntry[]): TurnPart[] {
  return rows.flatMap(({ role, content, attachments = [], reasoning = '', toolCalls = [] }): TurnPart[] => {
    if (role === 'user') return [{ kind: 'message', text: content, files: attachments, partial: false }]
    const text = content.trim()
    return [
      ...(reasoning === '' ? [] : [{ kind: 'reasoning', text: reasoning } as const]),
      ...(text === '' ? [] : [{ kind: 'text', text } as const]),
      ...attachments.map((file) => ({ kind: 'file', ...file }) as const),
      ...toolCalls.map(callOf)
    ]
  })
}

function callOf({ callId, tool, args, result }: NonNullable<HistoryEntry['toolCalls']>[number]): CallPart {
  const state = result ? (result.success ? 'ok' : 'failed') : 'unknown'
  return { kind: 'call', callId, tool, args, state, ...(result && { result }) }
}

/** Rows by run, in the order of their first row. */
export function byRun(rows: readonly HistoryEntry[]): Map<string, HistoryEntry[]> {
  const runs = new Map<string, HistoryEntry[]>()
  for (const row of rows) {
    const known = runs.get(row.runId)
    if (known) known.push(row)
    else runs.set(row.runId, [row])
  }
  return runs
}
