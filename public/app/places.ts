/** A place or an action of the palette. */
export interface Place {
  readonly kind: 'page' | 'action' | 'session' | 'message' | 'tool' | 'method'
  readonly title: string
  /** Further words by which it is found, shown beside the title. */
  readonly hint?: string
  readonly act: () => void
}

/** Places of one kind shown at once, so that no kind hides the others; typing narrows them. */
export const SHOWN = 5

/**
 * Places whose kind, title or hint have all words of the text, best first: titles that begin with the text, then titles with a word
 * that does, then the others, each in the given order. Without a text: pages and actions.
 */
export function choices(places: readonly Place[], text: string): readonly Place[] {
  const wanted = text.trim().toLowerCase()
  if (wanted === '') return places.filter(({ kind }) => kind === 'page' || kind === 'action')
  const words = wanted.split(/\s+/)
  const rank = (title: string): number => {
    const lower = title.toLowerCase()
    if (lower.startsWith(wanted)) return 0
    return lower.split(/[^\p{L}\p{N}]+/u).some((word) => word.startsWith(words[0]!)) ? 1 : 2
  }
  const shown = new Map<Place['kind'], number>()
  return places
    .filter(({ kind, title, hint = '' }) => {
      const all = `${kind} ${title} ${hint}`.toLowerCase()
      // Messages were found by the gateway, in texts that are not here.
      return kind === 'message' || words.every((word) => all.includes(word))
    })
    .map((place) => ({ place, rank: place.kind === 'message' ? 3 : rank(place.title) }))
    .sort((one, other) => one.rank - other.rank)
    .map(({ place }) => place)
    .filter(({ kind }) => {
      const count = (shown.get(kind) ?? 0) + 1
      shown.set(kind, count)
      return count <= SHOWN
    })
}
