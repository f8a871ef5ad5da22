import type { TArray, TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import ipaddr from 'ipaddr.js'
import { expected } from '../../../rpc/validate.ts'
import { masked } from '../../../security/sanitize.ts'
import { isFree, isList, isObject, isRecord, isReserved, keysOf, nearest, partOf } from './keys.ts'
import { join, type Problems } from './problems.ts'
import { ofValue, type Written } from './source-node.ts'

export interface Reading {
  readonly problems: Problems
  /** Path of the configuration → its last place. */
  readonly places: Map<string, string>
  /** Resolves a relative path of this source. */
  resolve(path: string): string
}

const MAX_QUOTED = 60
/** Levels of a value that the gateway only passes on; an alias may contain itself. */
const MAX_DEPTH = 16

/**
 * Reads one source's value for `path`: checked key by key, in the file's names, without defaults. Undefined when the source has no
 * usable value; problems then say why.
 */
export function read(schema: TSchema, written: Written, path: string, reading: Reading): unknown {
  const value = written.kind === 'text' ? interpret(schema, written) : written
  const { place } = value
  reading.places.set(path, place)
  if (value.kind === 'fault') return reading.problems.add(place, path, value.fault)

  if (isFree(schema)) return readFree(value, path, reading)
  const isMap = isObject(schema) || isRecord(schema)
  if (isMap && schema.shorthand && value.kind === 'scalar' && typeof value.value === 'string') {
    return readMap(schema, { kind: 'map', place, entries: [{ key: schema.shorthand as string, place, value }] }, path, reading)
  }
  if (isMap && value.kind === 'map') return readMap(schema, value, path, reading)
  if (isList(schema) && value.kind === 'list') return readList(schema, value, path, reading)
  // One value stands for a list of one.
  if (isList(schema) && schema.single && value.kind === 'scalar' && value.value !== null) {
    return readList(schema, { kind: 'list', place, items: [value] }, path, reading)
  }
  if (isMap || isList(schema)) {
    // A key whose lines are all commented out.
    if (value.kind === 'scalar' && value.value === null && !schema.minProperties) return undefined
    return reading.problems.add(place, path || 'the configuration', `must be ${expected(schema)}, got ${kindOf(value)}`)
  }
  const leaf =
    value.kind === 'scalar' ? (schema.text && typeof value.value === 'number' ? String(value.value) : value.value) : undefined
  // Variables of MCP servers, which have no pattern, may hold anything.
  const slip = schema.secret && schema.pattern && typeof leaf === 'string' ? slipIn(leaf) : undefined
  if (slip) return reading.problems.add(place, path, slip)
  if (value.kind === 'scalar' && Value.Check(schema, leaf) && isParsed(schema, leaf)) {
    const isPath = schema.path || (schema.module && /^\.{0,2}\//.test(leaf as string))
    return isPath ? reading.resolve(leaf as string) : leaf
  }
  return reading.problems.add(place, path, `must be ${expected(schema)}${schema.secret ? hint(value) : `, got ${quote(value)}`}`)
}

/** Problem of a secret that was mangled on its way: copied with white space, or a variable that was not substituted. */
function slipIn(secret: string): string | undefined {
  // A key in PEM has lines.
  if (/^\s*-----BEGIN /.test(secret)) return undefined
  if (secret !== '' && secret.trim() === '') return undefined
  if (secret !== secret.trim()) return 'has white space around it: remove it'
  if (/\p{Cc}/u.test(secret)) return 'has control characters, such as a line break: remove them'
  if (/^\$\{?[A-Za-z_]\w*\}?$/.test(secret))
    return 'is the name of a variable and not its value: the file needs braces around the name'
  return undefined
}

/** Checks URLs and networks with their parsers; a pattern alone cannot. A URL needs a host, `file://localhost` has none. */
function isParsed(schema: TSchema, value: unknown): boolean {
  if (schema.url) return Boolean(URL.parse(value as string)?.host)
  return !schema.network || value === 'loopback' || /^\d+$/.test(value as string) || isNetwork(value as string)
}

function isNetwork(text: string): boolean {
  return ipaddr.isValid(text) || ipaddr.isValidCIDR(text)
}

function readMap(schema: TSchema, map: Written & { kind: 'map' }, path: string, reading: Reading): object {
  const { problems } = reading
  const result: Record<string, unknown> = {}
  const seen = new Set<string>()
  for (const { key, place, value } of map.entries) {
    const part = partOf(schema, key)
    const at = join(path, part?.name ?? key)
    if (!part) problems.add(place, at, unknown(schema, key))
    else if (seen.has(part.name)) problems.add(place, at, `is given twice${key === part.name ? '' : ` (${key} is the same key)`}`)
    else {
      seen.add(part.name)
      // `offline:` alone is a provider too.
      const content = read(part.schema, value, at, reading) ?? (isRecord(schema) ? {} : undefined)
      if (content !== undefined) result[part.name] = content
    }
  }
  const enough = seen.size >= ((schema.minProperties as number | undefined) ?? 0)
  if (!enough && !problems.touch(path)) problems.add(map.place, path, `must be ${expected(schema)}`)
  return result
}

/** Any JSON, its names as they are written. */
function readFree(written: Written, path: string, reading: Reading, depth = 0): unknown {
  reading.places.set(path, written.place)
  if (depth > MAX_DEPTH) return reading.problems.add(written.place, path, `must have at most ${MAX_DEPTH} levels`)
  if (written.kind === 'list') {
    return Object.freeze(Array.from(written.items, (item, n) => readFree(item, `${path}[${n}]`, reading, depth + 1)))
  }
  if (written.kind === 'map') {
    const entries = Array.from(written.entries, ({ key, place, value }) => {
      const at = join(path, key)
      if (isReserved(key)) reading.problems.add(place, at, 'is never allowed as a key')
      return [key, readFree(value, at, reading, depth + 1)] as const
    })
    return Object.freeze(Object.fromEntries(entries))
  }
  if (written.kind === 'fault') return reading.problems.add(written.place, path, written.fault)
  return written.kind === 'text' ? written.text : written.value
}

function readList(schema: TArray, { items, place }: Written & { kind: 'list' }, path: string, reading: Reading): unknown[] {
  const result: unknown[] = []
  for (const item of items) result.push(read(schema.items, item, `${path}[${result.length}]`, reading))
  if (result.length < (schema.minItems ?? 0)) reading.problems.add(place, path, `must be ${expected(schema)}`)
  return result
}

function unknown(schema: TSchema, key: string): string {
  if (isReserved(key)) return 'is never allowed as a key'
  const known = keysOf(schema)
  const guess = nearest(key, known)
  if (guess) return `is not known; did you mean ${guess}?`
  return isRecord(schema) ? `is not a possible key: must be ${schema.key}` : `is not known; known here: ${known.join(', ')}`
}

/** Interprets text from a variable or flag as the type that the schema expects. */
function interpret(schema: TSchema, written: Written & { kind: 'text' }): Written {
  const { place, text, from } = written
  const scalar = (value: unknown): Written => ({ kind: 'scalar', place, value, from })
  if (isFree(schema)) {
    try {
      return ofValue(JSON.parse(text), place, from)
    } catch {
      return scalar(text)
    }
  }
  if (isObject(schema) && schema.shorthand && !text.trimStart().startsWith('{')) return scalar(text)
  if (isObject(schema) || isRecord(schema) || (isList(schema) && text.trimStart().startsWith('['))) {
    try {
      return ofValue(JSON.parse(text), place, from)
    } catch {
      return { kind: 'fault', place, fault: `must be ${expected(schema)}, written as JSON` }
    }
  }
  if (isList(schema)) {
    const parts = text.split(',').map((part) => part.trim())
    return {
      kind: 'list',
      place,
      items: parts.filter(Boolean).map((part): Written => ({ kind: 'text', place, text: part, from }))
    }
  }
  if (schema.type === 'boolean') return scalar(text === 'true' ? true : text === 'false' ? false : text)
  if (schema.type === 'integer' || schema.type === 'number') return scalar(/^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : text)
  return scalar(text)
}

/** The value as shown to people. A value from a variable may be a misplaced secret and is never shown. */
function quote(written: Written): string {
  if (written.kind !== 'scalar') return kindOf(written)
  if (written.from) return `the value of ${written.from}`
  if (typeof written.value === 'number') return String(written.value)
  if (!['string', 'boolean'].includes(typeof written.value)) return kindOf(written)
  // The part of a URL before the @ or after the ? may be a secret.
  const harmless = String(written.value)
    .replace(/\/\/.*@/s, '//***@')
    .replace(/(:\/\/[^?#]*[?#]).*/s, '$1***')
  if (typeof written.value !== 'string') return harmless
  // Never a part of it: half of a secret cannot be recognised.
  if (harmless.length > MAX_QUOTED) return `a string of ${written.value.length} characters`
  return JSON.stringify(masked(harmless, { limit: MAX_QUOTED }))
}

function kindOf(written: Written): string {
  if (written.kind === 'map') return 'an object'
  if (written.kind === 'list') return 'an array'
  const value = written.kind === 'scalar' ? written.value : undefined
  if (value === null || value === undefined) return 'nothing'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** The kind of a secret's value. The usual slip is a number without quotes. */
function hint(written: Written): string {
  if (written.kind === 'scalar' && typeof written.value === 'string') return ''
  const kind = kindOf(written)
  return kind === 'a number' || kind === 'a boolean' ? `, got ${kind}: put it in quotes` : `, got ${kind}`
}
