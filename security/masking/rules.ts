import type { Range } from './automaton.ts'

/**
 * Pattern that recognises a secret by its shape or its place. Others write the texts, so each pattern must take time linear in their
 * length. A quantifier contains another one only over characters that its neighbours cannot match. An unbounded quantifier is either
 * followed by nothing that could fail, or it cannot run over the start of the next match. The groups of a pattern come first: they are
 * kept, and the rest is the secret.
 */
type Rule = RegExp

/** Tokens with a known prefix. Tokens of variable length have no upper bound, so that a longer lookalike is masked as well. */
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
/** Names whose values are secrets, regardless of the value. */
const NAMES = `(?:token|secret|password|passwd|passphrase|${KEYS}|authorization|cookie|credential)s?`
const ENDS_IN_NAME = new RegExp(`${NAMES}$`, 'i')

/** Excludes values that need no masking: null and the like, values that are already masked, and variables. */
const NOTHING = '(?!(?:null|nil|true|false|none|undefined|\\*{3,}|\\$\\{\\w{1,64}\\})(?![^\\s"\'\\\\&,;}\\])]))'
/** Excludes counts such as `{"tokens": 250}`, and caller names of the log such as `token:dash`. */
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
  // The query of a URL or path: signatures, codes and keys can have any name there.
  /(\?)[^\s"'<>=?]+=[^\s"'<>]*/g,
  // The body of a form.
  /(&(?:sig|signature|code|guid|key|auth|pwd|pass|session|sid)=)(?!\*{3})[^\s"'<>&]+/gi
]

/** Finds texts that look like secrets. */
export function suspicious(text: string): Range[] {
  return [SHAPES, ...PLACES].flatMap((rule) =>
    Array.from(text.matchAll(rule), (match): Range => {
      const [, ...kept] = match as readonly (string | undefined)[]
      return [match.index + kept.join('').length, match.index + match[0].length]
    })
  )
}

/** Tells if a value with this name is a secret: `apiKey`, `set-cookie`, `inputTokens` with a text. */
export function namesSecret(name: string): boolean {
  return ENDS_IN_NAME.test(name)
}
