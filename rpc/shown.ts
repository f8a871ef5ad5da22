/** Characters that are looked at for secrets; more than any limit below which texts are shown. */
const READ = 8192
/** Characters before the end of what was looked at: a secret that was torn there may no longer look like one. */
const EDGE = 256
/** Anything shorter is no secret, and replacing it would leave nothing readable. */
const MIN_SECRET = 4

/** Control characters, line separators, and what is invisible or changes the direction of text. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu

/** Names of values that are secrets, whoever chose the value. */
const NAMES = '(?:token|secret|password|passwd|passphrase|api[ _-]?key|authorization|cookie|credential)s?'
const ENDS_IN_NAME = new RegExp(`${NAMES}$`, 'i')

/**
 * Where a secret gives itself away by its place or its shape. The texts are written by others, so each pattern takes time
 * linear in their length: no quantifier holds another one, and where one is unbounded, either nothing that could fail follows
 * it, or it cannot run over the start of the next match.
 */
const PATTERNS: ReadonlyArray<readonly [RegExp, string]> = [
  // `name=value`, `Name: value`, and JSON, also JSON in a string of JSON. `token:dash` is how a caller is named in the log.
  [
    new RegExp(
      `((?!\\btoken:[\\w-])${NAMES}(?:\\\\?["'])?\\s{0,4}[:=]\\s{0,4})((?:bearer|basic)\\s{1,4})?` +
        `(?:(")(?:[^"\\\\]|\\\\.)+|(')[^']+|(\\\\")[^"\\\\]+|[^\\s"'\\\\&,;]{3,})`,
      'gi'
    ),
    '$1$2$3$4$5***'
  ],
  [/\b(bearer|basic)\s{1,4}[^\s"'\\,;]{6,}/gi, '$1 ***'],
  [/:\/\/[^\s/"<>]*@/g, '://***@'],
  // The query of a URL or path: signatures, codes and keys have any name there.
  [/\?[^\s"'<>=?]+=[^\s"'<>]*/g, '?***'],
  [/\b(?:sk|pk|gsk|xai|key)-[\w*.-]{6,}/gi, '***'],
  [/\b(?:sk|pk|rk|gh[pousr]|github_pat|glpat|npm|hf|xox[abeoprs])[-_][\w-]{16,}/gi, '***'],
  // `{"` in base64url: a JSON Web Token.
  [/\beyJ[\w.-]{16,}/g, '***']
]

export interface MaskOptions {
  /** Never to be shown, however they are written: as they are, in a URL, in JSON, in base64. */
  readonly secrets?: readonly string[]
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
export function masked(text: string, { secrets = [], hidden = [], limit }: MaskOptions): string {
  let shown = text
  for (const form of formsOf(secrets)) shown = shown.replaceAll(form, '***')
  for (const path of hidden) shown = shown.replaceAll(path, '…')
  const rest = shown.length > READ
  // Masked before it is cut: half of a secret would no longer be found.
  shown = shown.slice(0, READ).replace(UNPRINTABLE, ' ')
  for (const [pattern, replacement] of PATTERNS) shown = shown.replace(pattern, replacement)
  return cut(rest ? `${shown.slice(0, -EDGE)}…` : shown, limit)
}

/** Whether what bears this name is a secret: `apiKey`, `set-cookie`, `inputTokens` with a text. */
export function namesSecret(name: string): boolean {
  return ENDS_IN_NAME.test(name)
}

function cut(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit)}…` : text
}

/** Every way in which a server may echo what it was sent; the longest first, since one may be a part of another. */
function formsOf(secrets: readonly string[]): string[] {
  return secrets
    .filter(({ length }) => length >= MIN_SECRET)
    .flatMap((secret) => {
      const bytes = Buffer.from(secret)
      return [
        secret,
        encodeURIComponent(secret.toWellFormed()),
        JSON.stringify(secret).slice(1, -1),
        bytes.toString('base64'),
        bytes.toString('base64url')
      ]
    })
    .sort((one, other) => other.length - one.length)
}
