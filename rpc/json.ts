import { RpcError } from './errors.ts'

/** Levels of nesting. Deeper than any honest request, far below what would exhaust the stack of a recursive walk. */
export const MAX_DEPTH = 64

/** Values in one frame: members of objects and elements of arrays, at any depth. A million keys would hold up the event loop for seconds. */
export const MAX_VALUES = 100_000

/** Keys that reach an object's prototype when a careless merge meets them. */
const RESERVED = new Set(['__proto__', 'constructor', 'prototype'])
const COMMA = 0x2c
const QUOTE = 0x22
const BACKSLASH = 0x5c
const MAY_HOLD_RESERVED = /__proto__|constructor|prototype|\\u/

/**
 * Parses the text of a client: JSON with at most `MAX_VALUES` values, at most 64 levels deep, without keys that could poison a prototype.
 * Written here because the parsers that guard against poisoning know neither the depth nor all three keys.
 * @throws RpcError ParseError (not JSON, too deep) or InvalidRequest (a reserved key)
 */
export function parseJson(text: string): unknown {
  if (tooMany(text)) throw new RpcError('ParseError', `Parse error: the frame holds more than ${MAX_VALUES} values`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new RpcError('ParseError', 'Parse error: the frame is not valid JSON', { cause })
  }
  // Walking costs more than parsing, so only suspects are walked.
  if (MAY_HOLD_RESERVED.test(text) || openings(text) > MAX_DEPTH) inspect(value)
  return value
}

/** Tells if the text separates more than `MAX_VALUES` values. Commas in strings count only for the decision to look closely. */
function tooMany(text: string): boolean {
  if (text.length <= MAX_VALUES) return false
  let commas = 0
  for (let at = text.indexOf(','); at !== -1 && commas < MAX_VALUES; at = text.indexOf(',', at + 1)) commas++
  if (commas < MAX_VALUES) return false
  let separators = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === COMMA) {
      if (++separators >= MAX_VALUES) return true
    } else if (code === QUOTE) at = endOfString(text, at)
  }
  return false
}

/** Position of the quote that ends the string which begins at `at`, or the end of the text. */
function endOfString(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let slashes = 0
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++
    if (slashes % 2 === 0) return end
  }
  return text.length
}

/** Number of opening brackets, in strings or not: an upper bound of the depth. Stops counting past the limit. */
function openings(text: string): number {
  let count = 0
  for (const bracket of ['{', '[']) {
    for (let at = text.indexOf(bracket); at !== -1 && count <= MAX_DEPTH; at = text.indexOf(bracket, at + 1)) count++
  }
  return count
}

function inspect(root: unknown): void {
  let level = [root]
  for (let depth = 0; level.length > 0; depth++) {
    const next: unknown[] = []
    for (const value of level) {
      if (typeof value !== 'object' || value === null) continue
      if (depth === MAX_DEPTH) throw new RpcError('ParseError', `Parse error: nested deeper than ${MAX_DEPTH} levels`)
      if (!Array.isArray(value)) {
        for (const key of Object.keys(value)) {
          if (RESERVED.has(key)) throw new RpcError('InvalidRequest', `The key '${key}' is not allowed anywhere in a request`)
        }
      }
      for (const child of Object.values(value)) next.push(child)
    }
    level = next
  }
}
