import type { Range } from './automaton.ts'
import { KnownSecrets, PIECE } from './known.ts'
import { pemBlocks, pemLines } from './pem.ts'
import { suspicious } from './rules.ts'
import { plain, type View, viewsOf } from './views.ts'

/** Default limit of characters that are searched. A longer text is cut. */
const READ = 65_536
/**
 * Characters dropped from the end of a cut text: a secret torn by the cut may no longer look like one. Covers a piece of a known secret
 * in its longest encoding, and exceeds the length that any shape needs to be recognised.
 */
const EDGE = PIECE * 16
/** Replaces a secret. */
export const STARS = '***'
/** Replaces a text that could not be searched. */
const WITHHELD = '[line withheld]'

export interface Masked {
  readonly text: string
  /** True when at least one secret was masked. */
  readonly masked: boolean
}

/** Masks secrets in texts. Stateless: one instance serves all callers that share its secrets. */
export class Masker {
  readonly #known: KnownSecrets

  /** @param secrets values to mask in every known encoding; short values and plain words are masked only in telling places (README.md) */
  constructor(secrets: Iterable<string> = []) {
    this.#known = new KnownSecrets(secrets)
  }

  /**
   * Replaces every secret in a text with `***`. A text that is masked or cut also loses terminal escape sequences and invisible
   * characters; any other text is returned unchanged. Never throws: a text that cannot be searched is withheld.
   * @param limit characters that are searched; a longer text is cut before the limit and ends with `…`
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

  /** Masks the lines of one stream lazily and in order. Like `mask`, but also finds a PEM block that spans several lines. */
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
    // Adjacent secrets share one `***`.
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
