import { type MarkdownElement, type ParsedBlocks, parseBlocks } from './markdown.ts'

/** Texts beyond this length are shown as they were written: their blocks would take seconds. */
const MAX_CHARACTERS = 2 * 1024 * 1024

/** A text and its blocks. Immutable. */
export interface MarkdownText {
  readonly source: string
  /** Blocks that more text does not change: the same objects from one text to the next. */
  readonly settled: readonly MarkdownElement[]
  /** Blocks behind them. */
  readonly tail: readonly MarkdownElement[]
  /** Characters of `source` that were read; a carriage return at its end waits for the next text. */
  readonly read: number
  /** Those behind the settled blocks, with line feeds alone. */
  readonly rest: string
  /** Characters of `rest` in which no more blocks are settled. */
  readonly searched: number
  /** Definitions and headings of the settled blocks, for those behind them. */
  readonly context: Pick<ParsedBlocks, 'links' | 'levels'>
}

export const EMPTY: MarkdownText = {
  source: '',
  settled: [],
  tail: [],
  read: 0,
  rest: '',
  searched: 0,
  context: { links: {}, levels: [] }
}

/**
 * Parses a text. What `before` has settled is not parsed again where the text only grew.
 * @param ended no more text follows
 */
export function parseText(source: string, before: MarkdownText = EMPTY, ended = true): MarkdownText {
  if (source.length > MAX_CHARACTERS) return { ...EMPTY, source, tail: [{ tag: 'div', children: [source] }] }
  const grown = before.source !== '' && source.startsWith(before.source) ? before : EMPTY
  const more = source.slice(grown.read)
  const waits = !ended && more.endsWith('\r')
  let rest = grown.rest + (waits ? more.slice(0, -1) : more).replace(/\r\n?/g, '\n')
  let { settled, searched, context } = grown
  // Half a line can be anything: only whole ones settle what stands above them.
  const lines = rest.lastIndexOf('\n') + 1
  if (!ended && lines > searched) {
    const parsed = parseBlocks(rest.slice(0, lines), context, false)
    if (parsed.blocks.length > 0) settled = [...settled, ...parsed.blocks]
    context = { links: parsed.links, levels: parsed.levels }
    rest = rest.slice(parsed.length)
    searched = lines - parsed.length
  }
  const { blocks: tail, links } = parseBlocks(rest, context, true)
  // References above their definition were texts so far.
  if (ended && grown !== EMPTY && Object.keys(links).length > 0) return parseText(source)
  return { source, settled, tail, read: source.length - (waits ? 1 : 0), rest, searched, context }
}
