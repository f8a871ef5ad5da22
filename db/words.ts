/** Words of one search, and characters of each: more of them find nothing else. */
const MAX_WORDS = 10
const MAX_LENGTH = 64

/** Words of a text for a search: runs of letters and digits, so that none has a meaning in the language of an index. */
export function wordsOf(text: string): string[] {
  const found =
    text
      .slice(0, 4096)
      .toWellFormed()
      .match(/[\p{L}\p{N}\p{M}]+/gu) ?? []
  return [...new Set(found.map((word) => [...word].slice(0, MAX_LENGTH).join('')))].slice(0, MAX_WORDS)
}
