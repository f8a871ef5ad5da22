/** Places to cut a text, best first: after a blank line, a line, a sentence, a word. */
const BREAKS = [/\n\s*\n/g, /\n/g, /[.!?…]\s/g, /\s/g]

/**
 * Splits a text into parts that a platform takes, at the best break in the later half of each part. White space around a cut is dropped,
 * everything else is kept. No part is empty, and none begins or ends within a character.
 * @param limit UTF-16 code units of a part; at least 2
 */
export function partsOf(text: string, limit: number): string[] {
  const parts: string[] = []
  let rest = text.trim()
  while (rest.length > limit) {
    const cut = cutOf(rest, limit)
    const part = rest.slice(0, cut).trimEnd()
    if (part !== '') parts.push(part)
    rest = rest.slice(cut).trimStart()
  }
  if (rest !== '') parts.push(rest)
  return parts
}

function cutOf(text: string, limit: number): number {
  const half = Math.floor(limit / 2)
  const later = text.slice(half, limit + 1)
  for (const pattern of BREAKS) {
    const found = [...later.matchAll(pattern)].at(-1)
    if (found) return half + found.index + found[0].length
  }
  // Never cut between the two halves of a character.
  const low = text.charCodeAt(limit)
  const high = text.charCodeAt(limit - 1)
  return low >= 0xdc00 && low <= 0xdfff && high >= 0xd800 && high <= 0xdbff ? limit - 1 : limit
}
