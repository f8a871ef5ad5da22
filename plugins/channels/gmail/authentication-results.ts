/** One result of an `Authentication-Results` header: `dmarc=pass header.from=example.com`. Names are in lower case. */
export interface AuthenticationResult {
  readonly method: string
  readonly result: string
  /** Values by `<type>.<property>`, such as `header.from`. */
  readonly properties: ReadonlyMap<string, string>
}

export interface AuthenticationResults {
  /** Server that has checked the mail. */
  readonly server: string
  readonly results: readonly AuthenticationResult[]
}

/** Part of a header without comments: a text, or one of the separators. Quoted separators are text. */
type Token = { readonly text: string } | ';' | '='

/**
 * Parses an `Authentication-Results` header (RFC 8601). Senders choose much of its text, such as the address in a comment, so comments, quoted
 * strings and separators are kept apart exactly. Undefined: the header is malformed, and proves nothing.
 */
export function parseAuthenticationResults(header: string): AuthenticationResults | undefined {
  const tokens = tokensOf(header)
  if (tokens === undefined) return undefined
  const [first = [], ...parts] = splitAt(tokens, ';')
  const [server, version, ...more] = first
  if (server === undefined || typeof server === 'string' || more.length > 0) return undefined
  if (version !== undefined && (typeof version === 'string' || !/^\d+$/.test(version.text))) return undefined
  const results: AuthenticationResult[] = []
  // A last semicolon may have nothing behind it.
  for (const part of parts.filter((part, index) => part.length > 0 || index < parts.length - 1)) {
    const [none, ...others] = part
    if (typeof none === 'object' && none.text.toLowerCase() === 'none' && others.length === 0) continue
    const pairs = pairsOf(part)
    const [named, ...properties] = pairs ?? []
    if (named === undefined) return undefined
    results.push({
      method: named[0].split('/', 1)[0]!,
      result: named[1].toLowerCase(),
      properties: new Map(properties)
    })
  }
  return { server: server.text.toLowerCase(), results }
}

/** `name = value` pairs; undefined for anything else. */
function pairsOf(part: readonly Token[]): (readonly [name: string, value: string])[] | undefined {
  if (part.length === 0 || part.length % 3 !== 0) return undefined
  const pairs: (readonly [string, string])[] = []
  for (let at = 0; at < part.length; at += 3) {
    const [name, equals, value] = part.slice(at, at + 3)
    if (typeof name !== 'object' || equals !== '=' || typeof value !== 'object') return undefined
    pairs.push([name.text.toLowerCase(), value.text])
  }
  return pairs
}

function splitAt(tokens: readonly Token[], separator: ';'): Token[][] {
  const parts: Token[][] = [[]]
  for (const token of tokens) {
    if (token === separator) parts.push([])
    else parts.at(-1)!.push(token)
  }
  return parts
}

function tokensOf(header: string): Token[] | undefined {
  const tokens: Token[] = []
  let text: string | undefined
  const end = (): void => {
    if (text !== undefined) tokens.push({ text })
    text = undefined
  }
  for (let at = 0; at < header.length; at++) {
    const character = header[at]!
    if (character === '(') {
      end()
      const closed = endOfComment(header, at)
      if (closed === undefined) return undefined
      at = closed
    } else if (character === '"') {
      const quoted = quotedAt(header, at)
      if (quoted === undefined) return undefined
      text = (text ?? '') + quoted.text
      at = quoted.end
    } else if (character === ';' || (character === '=' && tokens.at(-1) !== '=')) {
      end()
      tokens.push(character)
    } else if (/\s/.test(character)) end()
    else if (character === ')') return undefined
    // Of a value an equals sign is part: signatures in base64 end with it.
    else text = (text ?? '') + character
  }
  end()
  return tokens
}

/** Comments nest; a backslash takes the meaning of the next character. */
function endOfComment(header: string, start: number): number | undefined {
  let depth = 0
  for (let at = start; at < header.length; at++) {
    const character = header[at]
    if (character === '\\') at++
    else if (character === '(') depth++
    else if (character === ')' && --depth === 0) return at
  }
  return undefined
}

function quotedAt(header: string, start: number): { readonly text: string; readonly end: number } | undefined {
  let text = ''
  for (let at = start + 1; at < header.length; at++) {
    const character = header[at]!
    if (character === '"') return { text, end: at }
    text += character === '\\' ? (header[++at] ?? '') : character
  }
  return undefined
}
