/** Position of a match: from `start` up to, not including, `end`. */
export type Range = readonly [start: number, end: number]

/**
 * Searches a text for many words in one pass (Aho and Corasick, 1975). Each character of the text is a step down the tree of words or
 * a fall to a shorter prefix, and falls never outnumber steps. The cost does not depend on the number of words.
 */
export class Automaton {
  readonly #next: Map<number, number>[] = [new Map()]
  readonly #fall: number[] = [0]
  /** Length of the longest word that ends in a state; 0 when no word does. */
  readonly #found: number[] = [0]

  constructor(words: Iterable<string>) {
    for (const word of words) this.#add(word)
    this.#connect()
  }

  /** Tells if the automaton has no words. */
  get empty(): boolean {
    return this.#next.length === 1
  }

  /** All matches in the text. Of several words that end at the same character, only the longest. */
  find(text: string): Range[] {
    const ranges: Range[] = []
    if (this.empty) return ranges
    let state = 0
    for (let at = 0; at < text.length; at++) {
      state = this.#step(state, text.charCodeAt(at))
      const length = this.#found[state]!
      if (length > 0) ranges.push([at + 1 - length, at + 1])
    }
    return ranges
  }

  #step(from: number, code: number): number {
    for (let state = from; ; state = this.#fall[state]!) {
      const next = this.#next[state]!.get(code)
      if (next !== undefined) return next
      if (state === 0) return 0
    }
  }

  #add(word: string): void {
    let state = 0
    for (let at = 0; at < word.length; at++) {
      const code = word.charCodeAt(at)
      let next = this.#next[state]!.get(code)
      if (next === undefined) {
        next = this.#next.push(new Map()) - 1
        this.#fall.push(0)
        this.#found.push(0)
        this.#next[state]!.set(code, next)
      }
      state = next
    }
    this.#found[state] = word.length
  }

  /** Works from the root outwards. A state falls to its longest suffix that is a prefix of a word. */
  #connect(): void {
    const states = [...this.#next[0]!.values()]
    for (const state of states) {
      for (const [code, next] of this.#next[state]!) {
        const fall = this.#step(this.#fall[state]!, code)
        this.#fall[next] = fall
        this.#found[next] = Math.max(this.#found[next]!, this.#found[fall]!)
        states.push(next)
      }
    }
  }
}
