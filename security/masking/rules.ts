import type { Range } from './automaton.ts'

/**
 * Where a secret gives itself away by its shape or its place. The texts are written by others, so each pattern takes time linear in
 * their length: no quantifier holds another one but over characters that its neighbours cannot match, and where one is unbounded,
 * either nothing that could fail follows it, or it cannot run over the start of the next match. The groups of a pattern stand at its
 * beginning: they are kept, the rest is the secret.
 */
type Rule = RegExp

/** Tokens that are known by their beginning. What may be long has no upper bound: a lookalike that is longer is masked as well. */
const SHAPES: Rule = new RegExp(
  `\\b(?:${[
    // Providers show the ends of a key and stars between them.
    '(?:sk|pk|gsk|xai)-[\\w*.-]{6,}',
    '(?:sk|pk|rk|gh[pousr]|github_pat|glpat|npm|hf|shpat|xox[abeoprs])[-_][\\w-]{16,}',
    '(?:AKIA|ASIA)[0-9A-Z]{16}',
    'AIza[\\w-]{35}',
    'ya29\\.[\\w-]{20,}',
    'SG\\.[\\w-]{16,32}\\.[\\w-]{16,}',
    'tskey-[a-z]{1,16}-[\\w-]{10,}',
    'whsec_[\\w+\\/=-]{16,}',
    'key-[0-9a-f]{32}',
    // A bot of Telegram; in URLs `bot` stands before it.
    '(?:bot)?\\d{6,12}:[\\w-]{35}',
    // `{"` in base64url: a JSON Web Token.
    'eyJ[\\w.-]{16,}'
  ].join('|')})`,
  'g'
)

const KEYS = '(?:api|secret|private|access|signing|encryption)[ _-]?key'
/** Names of values that are secrets, whoever chose the value. */
const NAMES = `(?:token|secret|password|passwd|passphrase|${KEYS}|authorization|cookie|credential)s?`
const ENDS_IN_NAME = new RegExp(`${NAMES}$`, 'i')

/** In place of a value: nothing, something that is masked already, or a variable. */
const NOTHING = '(?!(?:null|nil|true|false|none|undefined|\\*{3,}|\\$\\{\\w{1,64}\\})(?![^\\s"\'\\\\&,;}\\])]))'
/** `{"tokens": 250}` counts them, and `token:dash` is how a caller is named in the log. */
const NO_SECRET = '(?!tokens?(?:\\\\?["\'])?\\s{0,4}[:=]\\s{0,4}\\d{1,9}(?![\\w-])|\\btoken:[\\w-])'

const PLACES: readonly Rule[] = [
  // `name=value`, `Name: value`, and JSON, also JSON in a string of JSON.
  new RegExp(
    `(${NO_SECRET}${NAMES}(?:\\\\?["'])?\\s{0,4}[:=]\\s{0,16})((?:bearer|basic)\\s{1,4})?` +
      `(?:(")${NOTHING}(?:[^"\\\\]|\\\\.)+|(')${NOTHING}[^']+|(\\\\")${NOTHING}[^"\\\\]+|${NOTHING}(?!(?:bearer|basic)\\s)[^\\s"'\\\\&,;]{3,})`,
    'gi'
  ),
  // Headers that hold more than one word.
  new RegExp(`((?:authorization|cookie)\\s{0,4}:\\s{0,16})(?![\\s"'\\\\]|(?:bearer|basic)\\s)${NOTHING}[^\\r\\n]+`, 'gi'),
  /(\b(?:bearer|basic)\s{1,4})(?!\*{3})[^\s"'\\,;]{6,}/gi,
  /(:\/\/)(?!\*{3}@)[^\s/"<>]+(?=@)/g,
  // The query of a URL or path: signatures, codes and keys have any name there.
  /(\?)[^\s"'<>=?]+=[^\s"'<>]*/g,
  // The body of a form.
  /(&(?:sig|signature|code|guid|key|auth|pwd|pass|session|sid)=)(?!\*{3})[^\s"'<>&]+/gi
]

/** What looks like a secret. */
export function suspicious(text: string): Range[] {
  return [SHAPES, ...PLACES].flatMap((rule) =>
    Array.from(text.matchAll(rule), (match): Range => {
      const [, ...kept] = match as readonly (string | undefined)[]
      return [match.index + kept.join('').length, match.index + match[0].length]
    })
  )
}

/** Whether what bears this name is a secret: `apiKey`, `set-cookie`, `inputTokens` with a text. */
export function namesSecret(name: string): boolean {
  return ENDS_IN_NAME.test(name)
}
