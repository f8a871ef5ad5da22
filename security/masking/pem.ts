import type { Range } from './automaton.ts'

const BEGIN = '-----BEGIN '
const END = '-----END '
const DASHES = '-----'
/** Maximum lines of a block; a key of 16,384 bits has fewer. Beyond it, a block that never ends stops hiding the lines after it. */
const MAX_LINES = 256
/** A line inside a block. */
const BODY = /^\s*[A-Za-z0-9+/=]{16,100}\s*$/

/** All blocks in a text, with their BEGIN and END lines. A block without an end reaches to the end of the text. */
export function pemBlocks(text: string): Range[] {
  const ranges: Range[] = []
  for (let start = text.indexOf(BEGIN); start >= 0; ) {
    const end = endOf(text, start)
    ranges.push([start, end ?? text.length])
    start = end === undefined ? -1 : text.indexOf(BEGIN, end)
  }
  return ranges
}

/** Marks the lines of a stream that belong to a block that began in an earlier line, or before the first line. */
export function pemLines(lines: readonly string[]): boolean[] {
  const inside = lines.map(() => false)
  /** Line where the open block begins; -1 when no block is open. */
  let open = -1
  lines.forEach((line, index) => {
    if (open >= 0 && index - open > MAX_LINES) open = -1
    const [begin, end] = [line.indexOf(BEGIN), line.indexOf(END)]
    const ends = end >= 0 && (begin < 0 || end < begin)
    if (ends && open < 0) {
      for (let at = index - 1; at >= 0 && BODY.test(lines[at]!); at--) inside[at] = true
    }
    inside[index] = ends || open >= 0
    if (ends) open = -1
    if (begin >= 0 && line.indexOf(END, line.lastIndexOf(BEGIN)) < 0) open = index
  })
  return inside
}

/** End of the next block, its END line included. */
function endOf(text: string, from: number): number | undefined {
  const end = text.indexOf(END, from)
  if (end < 0) return undefined
  const dashes = text.indexOf(DASHES, end + END.length)
  return dashes < 0 ? text.length : dashes + DASHES.length
}
