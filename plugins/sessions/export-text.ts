import type { SessionRow } from '../../db/client.ts'
import type { Entry } from './history.ts'

export const FORMATS = ['markdown', 'json'] as const
export type Format = (typeof FORMATS)[number]

/** Position of a page in an export. The texts of all pages, joined, are the document. */
export interface Place {
  readonly first: boolean
  readonly last: boolean
}

const NAMES = { user: 'User', assistant: 'Agent' }

/** Part of a session as text. */
export function exported(format: Format, session: SessionRow, entries: readonly Entry[], place: Place): string {
  return format === 'json' ? json(session, entries, place) : markdown(session, entries, place)
}

function json({ id, title, createdAt }: SessionRow, entries: readonly Entry[], { first, last }: Place): string {
  const head = JSON.stringify({ id, title, createdAt: new Date(createdAt).toISOString() }).slice(0, -1)
  const rows = entries.map((entry) => JSON.stringify(entry)).join(',\n')
  const start = first ? `${head},"history":[\n` : entries.length > 0 ? ',\n' : ''
  return `${start}${rows}${last ? '\n]}\n' : ''}`
}

function markdown({ id, title }: SessionRow, entries: readonly Entry[], { first }: Place): string {
  const head = first ? `# ${title ?? id}\n\n` : ''
  return head + entries.map(markdownOf).join('')
}

function markdownOf({ role, content, createdAt, status, toolCalls = [], attachments = [] }: Entry): string {
  const parts = [`## ${NAMES[role]} · ${createdAt}${status === 'complete' ? '' : ` · ${status}`}`]
  if (content !== '') parts.push(content)
  for (const { tool, args, result } of toolCalls) {
    parts.push(`Tool \`${tool}\``, fenced(JSON.stringify(args, undefined, 2), 'json'))
    if (result) parts.push(fenced(result.error ?? result.output, result.success ? '' : 'error'))
  }
  for (const { filename, mimeType, bytes } of attachments) parts.push(`File: ${filename ?? mimeType} (${bytes} bytes)`)
  return `${parts.join('\n\n')}\n\n`
}

/** Text in a fence that nothing in it closes. */
function fenced(text: string, language: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map(({ length }) => length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}${language}\n${text}\n${fence}`
}
