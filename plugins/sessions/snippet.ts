/** Characters before the first match, and of a whole snippet. */
const BEFORE = 60
const LENGTH = 240
const SPACE = /\s+/g

/** Part of a text around the first of some words, and the places of all of them in it. */
export interface Snippet {
  readonly text: string
  /** First and last position of each match, the last one not included, in order. */
  readonly matches: readonly (readonly [number, number])[]
}

/** Snippet of a text that was found by words, which are letters and digits alone (`wordsOf`). A text has no matches where its letters have another form than those of the search. */
export function snippetOf(text: string, words: readonly string[]): Snippet {
  const plain = text.replace(SPACE, ' ').trim()
  const alternatives = words.join('|')
  if (alternatives === '') return { text: cut(plain, 0), matches: [] }
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])(?:${alternatives})[\\p{L}\\p{N}\\p{M}]*`, 'giu')
  const at = plain.search(pattern)
  const shown = cut(plain, Math.max(0, at - BEFORE))
  return { text: shown, matches: [...shown.matchAll(pattern)].map(({ 0: word, index }) => [index, index + word.length] as const) }
}

function cut(text: string, from: number): string {
  const part = text.slice(from, from + LENGTH).toWellFormed()
  return `${from > 0 ? '…' : ''}${part}${from + LENGTH < text.length ? '…' : ''}`
}
