import { RpcError } from './errors.ts'

/** Levels of nesting. Deeper than any honest request, far below what would exhaust the stack of a recursive walk. */
export const MAX_DEPTH = 64

/** Keys that reach an object's prototype when a careless merge meets them. */
const RESERVED = new Set(['__proto__', 'constructor', 'prototype'])
const MAY_HOLD_RESERVED = /__proto__|constructor|prototype|\\u/

/**
 * Parses what a client sent: JSON, at most 64 levels deep, without keys that could poison a prototype.
 * Written here because the parsers that guard against poisoning know neither the depth nor all three keys.
 * @throws RpcError ParseError (not JSON, too deep) or InvalidRequest (a reserved key)
 */
export function parseJson(text: string): unknown {
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
