import { Automaton, type Range } from './automaton.ts'
import { plain } from './views.ts'

/** Characters that a value has at least to be looked for in texts; a word or a number has more of them. */
const MIN_SECRET = 8
const MIN_WORD = 16
const WORD = /^(?:\p{L}?\p{Ll}*|\p{Lu}*|\p{Nd}*)$/u
/** Bits at both ends of a form in base64 are its neighbours': what is left of the shortest secret. */
const MIN_BASE64 = 8
/**
 * Long secrets are looked for in pieces: one that was cut off, or wrapped over lines, leaves no more than a piece. Also the longest
 * of what is found, for those who cut texts.
 */
export const PIECE = 32

const BASE64 = /[A-Za-z0-9+/=_-]/

/** Finds secrets whose values are known, as they are and in the ways in which programs write bytes. */
export class KnownSecrets {
  readonly #automaton: Automaton
  /** Forms in base64, apart: at their ends a character holds bits of the secret and of its neighbour. */
  readonly #base64: Automaton

  constructor(secrets: Iterable<string>) {
    const known = [...new Set([...secrets].flatMap(partsOf))]
    const words = known.flatMap((secret) => [plain(secret), ...hexOf(secret)].filter(isTelling))
    this.#automaton = new Automaton(words.map(folded).flatMap(pieces))
    this.#base64 = new Automaton(known.flatMap((secret) => base64Of(secret).map(folded).flatMap(pieces)))
  }

  find(text: string): Range[] {
    if (this.#automaton.empty) return []
    const same = folded(text)
    return [
      ...this.#automaton.find(same),
      ...this.#base64
        .find(same)
        .map(
          ([start, end]): Range => [
            start > 0 && BASE64.test(text[start - 1]!) ? start - 1 : start,
            end < text.length && BASE64.test(text[end]!) ? end + 1 : end
          ]
        )
    ]
  }
}

/** The secret, and its lines where it has several: a log shows them one by one. */
function partsOf(secret: string): string[] {
  return [secret, ...secret.split(/\r?\n/)].map((part) => part.trim()).filter(isTelling)
}

/**
 * Whether the value is found in a text only where it is meant: `node` or `1234` as a token would be taken out of every line that has a
 * word or a number like it, and show whoever reads such a line what the token is.
 */
function isTelling(value: string): boolean {
  return value.length >= (WORD.test(value) ? MIN_WORD : MIN_SECRET)
}

/**
 * What is the same to the eye of the search: the two alphabets of base64, and the plus that stands for a space in a form. Every
 * character stays one, so that places stay places.
 */
function folded(text: string): string {
  return text.replace(/[+ _]/g, (character) => (character === '_' ? '/' : '-'))
}

function hexOf(secret: string): string[] {
  const hex = Buffer.from(secret).toString('hex')
  return [hex, hex.toUpperCase()]
}

/** In the middle of other bytes a secret begins at one of three places in a group of base64: only what is all its own is known. */
function base64Of(secret: string): string[] {
  const bytes = Buffer.from(secret)
  return [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    const own = text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6))
    return own.length >= MIN_BASE64 ? [own] : []
  })
}

function pieces(form: string): string[] {
  if (form.length <= PIECE) return [form]
  const whole = Array.from({ length: Math.floor(form.length / PIECE) }, (_, n) => form.slice(n * PIECE, (n + 1) * PIECE))
  return [...whole, form.slice(-PIECE)]
}
