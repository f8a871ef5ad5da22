import { Automaton, type Range } from './automaton.ts'
import { plain } from './views.ts'

/** Minimum length, in characters, of a value that is searched for. A plain word or a number needs `MIN_WORD`. */
const MIN_SECRET = 8
const MIN_WORD = 16
const WORD = /^(?:\p{L}?\p{Ll}*|\p{Lu}*|\p{Nd}*)$/u
/**
 * Minimum length of a base64 form, without the characters at both ends that share bits with neighbouring bytes. Even the shortest
 * secret leaves this many.
 */
const MIN_BASE64 = 8
/**
 * Length of the pieces in which long secrets are searched for: a secret that was cut off, or wrapped over lines, leaves no more than
 * one piece. Also the length of the longest pattern, which code that cuts texts relies on.
 */
export const PIECE = 32

const BASE64 = /[A-Za-z0-9+/=_-]/

/** Finds secrets whose values are known: verbatim, in hexadecimal and in base64. */
export class KnownSecrets {
  readonly #automaton: Automaton
  /** Base64 forms. Kept apart, because a character at either end can hold bits of the secret and of its neighbour. */
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

/** The secret and each of its lines, because a log shows a secret of several lines one by one. */
function partsOf(secret: string): string[] {
  return [secret, ...secret.split(/\r?\n/)].map((part) => part.trim()).filter(isTelling)
}

/**
 * Tells if a match of the value in a text means the secret and not an ordinary word. A token `node` or `1234` would be masked in every
 * line with that word or number, and the gaps would reveal the token to a reader.
 */
function isTelling(value: string): boolean {
  return value.length >= (WORD.test(value) ? MIN_WORD : MIN_SECRET)
}

/**
 * Normalises a text for the search: unifies the two alphabets of base64, and the plus that stands for a space in a form. Each character
 * maps to one character, so positions stay valid.
 */
function folded(text: string): string {
  return text.replace(/[+ _]/g, (character) => (character === '_' ? '/' : '-'))
}

function hexOf(secret: string): string[] {
  const hex = Buffer.from(secret).toString('hex')
  return [hex, hex.toUpperCase()]
}

/**
 * Base64 forms of a secret in the middle of other bytes. It begins at one of three offsets in a group of base64. Each form keeps only
 * the characters that hold no bits of neighbours.
 */
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
