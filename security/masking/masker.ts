import type { Range } from './automaton.ts'
import { KnownSecrets, PIECE } from './known.ts'
import { pemBlocks, pemLines } from './pem.ts'
import { suspicious } from './rules.ts'
import { plain, type View, viewsOf } from './views.ts'

/** Characters that are looked at; a text that is longer ends there. */
const READ = 65_536
/**
 * Characters before the end of what was looked at: a secret that was torn there may no longer look like one. As long as a piece of a
 * known secret can be in the longest of its encodings, and longer than what any shape needs to be known.
 */
const EDGE = PIECE * 16
/** In place of a secret. */
export const STARS = '***'
/** In place of a text that could not be looked at. */
const WITHHELD = '[line withheld]'

export interface Masked {
  readonly text: string
  /** Whether anything was masked. */
  readonly masked: boolean
}

/** Takes secrets out of texts. Has no state: one serves all who share its secrets. */
export class Masker {
  readonly #known: KnownSecrets

  /** @param secrets never to be shown, however they are written; short ones and words are left to their places (README.md) */
  constructor(secrets: Iterable<string> = []) {
    this.#known = new KnownSecrets(secrets)
  }

  /**
   * A text with `***` in place of every secret. Where there is none it is as it was, else without what drives a terminal and what is
   * invisible. Never throws: what cannot be looked at is not shown.
   * @param limit characters that are looked at; a longer text ends before it, with `…`
   */
  mask(text: string, limit = READ): Masked {
    return (
      failClosed(() => {
        const read = text.slice(0, limit)
        const cut = text.length > limit
        const ranges = viewsOf(read).flatMap((view) => this.#find(view))
        const masked = ranges.length > 0
        const shown = masked || cut ? plain(withStars(read, ranges)) : text
        return { text: cut ? `${shown.slice(0, -EDGE)}…` : shown, masked }
      }) ?? { text: WITHHELD, masked: true }
    )
  }

  /** The lines of one stream, in their order and each when it is asked for: like `mask`, and a PEM block is found over several. */
  *maskLines(texts: readonly string[], limit = READ): Generator<Masked, void> {
    const inside = failClosed(() => pemLines(texts.map((text) => plain(text.slice(0, limit)))))
    for (const [index, text] of texts.entries()) {
      if (!inside) yield { text: WITHHELD, masked: true }
      else yield inside[index] ? { text: STARS, masked: true } : this.mask(text, limit)
    }
  }

  #find({ text, at }: View): Range[] {
    const ranges = [...this.#known.find(text), ...suspicious(text), ...pemBlocks(text)]
    return at ? ranges.map(([start, end]) => [at[start]!, at[end]!]) : ranges
  }
}

function withStars(text: string, ranges: Range[]): string {
  let result = ''
  let done = 0
  for (const [start, end] of ranges.sort(([one], [other]) => one - other)) {
    if (end <= done) continue
    // What follows another one without a gap is one with it.
    if (start > done || done === 0) result += text.slice(done, start) + STARS
    done = end
  }
  return result + text.slice(done)
}

function failClosed<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch {
    return undefined
  }
}
