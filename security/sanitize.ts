import { Masker } from './masking/masker.ts'

export { namesSecret } from './masking/rules.ts'

/** Characters that are looked at for secrets; more than any limit below which texts are shown. */
const READ = 8192

/** Control characters, line separators, and what is invisible or changes the direction of text. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu

/** What knows the shapes and places of secrets, and the value of none. */
const SHAPES = new Masker()

export interface MaskOptions {
  /** Never to be shown, however they are written. */
  readonly secrets?: readonly string[]
  /** What knows them already, in place of `secrets`. */
  readonly masker?: Masker | undefined
  /** Paths of the server. */
  readonly hidden?: readonly string[]
  /** Characters that are kept. */
  readonly limit: number
}

/** Text from outside, fit for a log: it cannot forge a line, drive a terminal, hide or turn around text, or flood. */
export function printable(text: string, limit: number): string {
  return cut(text.replace(UNPRINTABLE, ' '), limit)
}

/** Text of any origin, fit for a log or the message of an error: `printable`, without secrets and without `hidden`. */
export function masked(
  text: string,
  { secrets, masker = secrets ? new Masker(secrets) : SHAPES, hidden = [], limit }: MaskOptions
): string {
  let shown = text
  for (const path of hidden) shown = shown.replaceAll(path, '…')
  // Masked before it is cut: half of a secret would no longer be found.
  return printable(masker.mask(shown, READ).text, limit)
}

function cut(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit)}…` : text
}
