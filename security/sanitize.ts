import { Masker } from './masking/masker.ts'

export { namesSecret } from './masking/rules.ts'

/** Characters that are searched for secrets. Larger than every display limit. */
const READ = 8192

/** Control characters, line separators, invisible characters, and characters that change the direction of text. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu

/** Default masker: knows the shapes and places of secrets, but no values. */
const SHAPES = new Masker()

export interface MaskOptions {
  /** Values to mask in every encoding that the masker knows. */
  readonly secrets?: readonly string[]
  /** Masker that already knows the secrets. Replaces `secrets`. */
  readonly masker?: Masker | undefined
  /** Paths of the server, shown as `…`. */
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
  // Mask before cutting: half a secret would not be found.
  return printable(masker.mask(shown, READ).text, limit)
}

function cut(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit)}…` : text
}
