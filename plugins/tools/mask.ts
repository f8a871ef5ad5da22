/** Long enough for any honest message; a tool that echoes a page must not fill the audit log with it. */
const MAX_MESSAGE = 1000
/** What is looked at for secrets. Text is masked before it is cut, so that no half of a secret survives the cut. */
const MAX_SCANNED = 8192

/** Where a secret gives itself away by its place or its shape. Every quantifier is bounded: the text is not ours. */
const SECRETS: ReadonlyArray<readonly [RegExp, string]> = [
  [/\b(Bearer|Basic)\s{1,4}[\w.~+/=-]{8,}/gi, '$1 ***'],
  [/:\/\/[^\s/@]{1,256}@/g, '://***@'],
  [/((?:api_?-?key|token|secret|passw(?:or)?d|credential)s?\\?["']?\s{0,4}[:=]\s{0,4}\\?["']?)[^\s"'\\&,;]{4,}/gi, '$1***'],
  [/\b(?:sk|gh[pousr]|github_pat|glpat|npm|hf|xox[abeoprs])[-_][\w-]{16,}/g, '***'],
  [/\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,}/g, '***']
]

/** What may be told about a failure: no secrets, none of the folders in `hidden`, no control characters, not too long. */
export function presentable(message: string, hidden: readonly string[], limit = MAX_MESSAGE): string {
  let text = message.slice(0, MAX_SCANNED)
  for (const folder of hidden) text = text.replaceAll(folder, '…')
  for (const [pattern, replacement] of SECRETS) text = text.replace(pattern, replacement)
  text = text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '')
  return text.length > limit ? `${text.slice(0, limit)}…` : text
}
