import { type TSchema, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import fc from 'fast-check'

/** What a property of that name may well be: ids that exist, names that are known. Without them hardly anything gets past the first check. */
export type Known = ReadonlyMap<string, readonly unknown[]>

export interface ValidOptions {
  readonly known: Known
  /** Properties that are never anything but what is known of them: addresses that would be asked for. */
  readonly only?: ReadonlySet<string>
}

/** Beside what is known, so often. */
const KNOWN_WEIGHT = 2
/** Characters of a text and more than a schema asks for. */
const LONGER = 48
/** Texts as long as their schema allows are tried up to this length. */
const LONGEST = 4096

const RESERVED_KEY = /"(?:__proto__|constructor|prototype)":/
const MATCHING = new Map<string, fc.Arbitrary<string>>()

/** Whatever JSON can say, but for keys that no request may hold. */
const ANYTHING = fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' }).filter((value) => !RESERVED_KEY.test(JSON.stringify(value)))

/** Also what a careless reader stumbles over: halves of surrogate pairs, NUL, what ends a line, what turns text around. */
const CHARACTER = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('\ud800', '\udfff', '\u0000', '\n', '\u2028', '\u202e', "'", '"', '%', '\\', '/', '..')
  }
)

/** Values that fit a schema, an object's only with the properties it names. */
export function valid(schema: TSchema, options: ValidOptions, name = ''): fc.Arbitrary<unknown> {
  // Of a number its limits tell more than any example.
  const isNumber = schema.type === 'integer' || schema.type === 'number'
  const candidates = isNumber ? [] : (options.known.get(name) ?? []).filter((value) => Value.Check(schema, value))
  if (candidates.length === 0) return ofSchema(schema, options, name)
  const known = fc.constantFrom(...candidates)
  if (options.only?.has(name)) return known
  return fc.oneof({ weight: KNOWN_WEIGHT, arbitrary: known }, { weight: 1, arbitrary: ofSchema(schema, options, name) })
}

function ofSchema(schema: TSchema, options: ValidOptions, name: string): fc.Arbitrary<unknown> {
  if ('const' in schema) return fc.constant(schema.const)
  if (schema.anyOf) return fc.oneof(...(schema.anyOf as TSchema[]).map((option) => valid(option, options, name)))
  switch (schema.type) {
    case 'object':
      return object(schema, options)
    case 'array':
      return fc.array(valid(schema.items, options, name), bounds(schema.minItems, schema.maxItems, 3))
    case 'string':
      return text(schema)
    case 'integer':
      return integer(schema)
    case 'number':
      return fc.oneof(integer({ ...schema, type: 'integer' }), double(schema))
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    default:
      return ANYTHING
  }
}

function object({ properties = {}, required = [], patternProperties }: TSchema, options: ValidOptions): fc.Arbitrary<unknown> {
  if (patternProperties) {
    const [value] = Object.values(patternProperties as Record<string, TSchema>)
    const entries = fc.dictionary(fc.string({ unit: CHARACTER, maxLength: 8 }), value ? valid(value, options) : ANYTHING, {
      maxKeys: 4,
      noNullPrototype: true
    })
    return entries.filter((it) => !RESERVED_KEY.test(JSON.stringify(it)))
  }
  const fields = Object.entries(properties as Record<string, TSchema>).map(([key, field]) => [key, valid(field, options, key)])
  return fc.record(Object.fromEntries(fields), { requiredKeys: required, noNullPrototype: true })
}

function text({ minLength = 0, maxLength, pattern, ...rest }: TSchema): fc.Arbitrary<string> {
  const schema = Type.String({
    minLength,
    ...(maxLength === undefined ? {} : { maxLength }),
    ...(pattern ? { pattern } : {}),
    ...rest
  })
  const size = bounds(minLength, maxLength, LONGER)
  const free = fc.string({ unit: CHARACTER, ...size })
  const long = maxLength === undefined || maxLength > LONGEST ? [] : [maxLength]
  const edges = [minLength, ...long].map((length) => 'a'.repeat(length))
  const plain = fc.oneof({ weight: 4, arbitrary: free }, { weight: 1, arbitrary: fc.constantFrom(...edges) })
  const arbitrary = pattern ? fc.oneof(plain, matching(pattern), named(plain)) : plain
  return arbitrary.filter((value) => Value.Check(schema, value))
}

/** `<word>:<anything>`, which the ids of sessions are. */
function named(plain: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(fc.constantFrom('ws', 'telegram', 'a', ' '), plain).map(([word, rest]) => `${word}:${rest}`)
}

/** Of expressions that fast-check cannot read, nothing comes of itself. */
function matching(pattern: string): fc.Arbitrary<string> {
  let known = MATCHING.get(pattern)
  if (known === undefined) {
    try {
      known = fc.stringMatching(new RegExp(pattern), { size: 'small' })
    } catch {
      known = fc.constant('a')
    }
    MATCHING.set(pattern, known)
  }
  return known
}

function integer({ minimum, maximum }: TSchema): fc.Arbitrary<number> {
  const min = Math.ceil(minimum ?? Number.MIN_SAFE_INTEGER)
  const max = Math.floor(maximum ?? Number.MAX_SAFE_INTEGER)
  const edges = fc.constantFrom(min, max, ...(maximum === undefined ? [1e21, 1e308] : []))
  return fc.oneof(
    fc.maxSafeInteger().map((n) => within(n, min, max)),
    edges
  )
}

/** A small number stays what it is, others are spread over the range. */
function within(n: number, min: number, max: number): number {
  if (n >= min && n <= max) return n
  return min + (Math.abs(n) % (max - min + 1))
}

function double({ minimum, maximum }: TSchema): fc.Arbitrary<number> {
  return fc.double({
    ...(minimum === undefined ? {} : { min: minimum }),
    ...(maximum === undefined ? {} : { max: maximum }),
    noNaN: true,
    noDefaultInfinity: true
  })
}

function bounds(min = 0, max = Number.POSITIVE_INFINITY, more = LONGER): { minLength: number; maxLength: number } {
  return { minLength: min, maxLength: Math.min(max, min + more) }
}

/** One thing that a schema does not allow, in params that are right otherwise. */
export interface Broken {
  readonly params: unknown
  /** Where: `params.attachments[0].data`; of a union, where that stands. */
  readonly path: string
}

/** A longer one is not made: 2 MiB are past every limit there is. */
const TOO_LONG = 2 * 1024 * 1024
const TOO_MANY = 2000

/** Every way to break one rule of the schema in these params. */
export function broken(schema: TSchema, params: unknown): Broken[] {
  return Array.from(breaks(schema, params, 'params', (value) => value)).filter(({ path }) => path !== 'params')
}

type Put = (value: unknown) => unknown

function* breaks(schema: TSchema, value: unknown, path: string, put: Put): Generator<Broken> {
  for (const wrong of wrongFor(schema, value)) if (!Value.Check(schema, wrong)) yield { params: put(wrong), path }
  if (schema.anyOf) return
  if (Array.isArray(value) && schema.items) {
    for (const [index, item] of value.entries()) {
      yield* breaks(schema.items, item, `${path}[${index}]`, (it) => put(value.with(index, it)))
    }
    return
  }
  if (typeof value !== 'object' || value === null || !schema.properties) return
  const fields = value as Record<string, unknown>
  const properties = schema.properties as Record<string, TSchema>
  for (const key of (schema.required ?? []) as string[]) {
    const { [key]: _dropped, ...rest } = fields
    if (!('default' in properties[key]!)) yield { params: put(rest), path: `${path}.${key}` }
  }
  if (schema.additionalProperties === false) yield { params: put({ ...fields, nonsense: 1 }), path: `${path}.nonsense` }
  for (const [key, field] of Object.entries(properties)) {
    if (Object.hasOwn(fields, key)) yield* breaks(field, fields[key], `${path}.${key}`, (it) => put({ ...fields, [key]: it }))
  }
}

/** What is probably not right in the place of `value`, and wrong as a whole: not for what is inside it. */
function* wrongFor(schema: TSchema, value: unknown): Generator<unknown> {
  yield* [null, 'nonsense', 0, -1, 1.5, 1e308, true, '\u0000', '\ud800', '']
  if (schema.type !== 'array') yield* [[], [[]], [{}]]
  if (schema.type !== 'object') yield* [{}, { nonsense: 1 }]
  if (typeof schema.minimum === 'number') yield schema.minimum - 1
  if (typeof schema.maximum === 'number') yield schema.maximum * 2 + 1
  if (typeof schema.maxLength === 'number' && schema.maxLength < TOO_LONG) yield 'x'.repeat(schema.maxLength + 1)
  if (Array.isArray(value) && value.length > 0 && (schema.maxItems ?? TOO_MANY) < TOO_MANY) {
    yield Array.from({ length: schema.maxItems + 1 }, () => value[0])
  }
}
