import type { TSchema } from '@sinclair/typebox'
import { nameOf } from '../named.ts'

/** A schema as a document has it: nothing but JSON Schema. */
export type JsonSchema = { readonly [keyword: string]: unknown }

const SCHEMA = ['additionalItems', 'additionalProperties', 'contains', 'else', 'if', 'not', 'propertyNames', 'then'] as const
const SCHEMAS = ['allOf', 'anyOf', 'oneOf', 'prefixItems'] as const
const NAMED_SCHEMAS = ['$defs', 'definitions', 'dependentSchemas', 'patternProperties', 'properties'] as const
const PLAIN = [
  '$comment',
  '$id',
  '$ref',
  'const',
  'contentEncoding',
  'contentMediaType',
  'default',
  'deprecated',
  'description',
  'enum',
  'examples',
  'exclusiveMaximum',
  'exclusiveMinimum',
  'format',
  'maxContains',
  'maxItems',
  'maxLength',
  'maxProperties',
  'maximum',
  'minContains',
  'minItems',
  'minLength',
  'minProperties',
  'minimum',
  'multipleOf',
  'pattern',
  'readOnly',
  'required',
  'title',
  'type',
  'uniqueItems',
  'writeOnly'
] as const
/** Carries the name of a schema through JSON, until it becomes a reference. */
const NAME = '$name'
const PLAIN_KEYWORDS: ReadonlySet<string> = new Set([...PLAIN, NAME])

/** Pattern that TypeBox writes for any key. */
const ANY_KEY = '^(.*)$'

/**
 * Removes everything that is not JSON Schema (hints for messages, marks of secrets, additions of plugins) and writes the rest in
 * the form that client generators read best: a choice of words is an `enum`, a map has `additionalProperties`. `x-` keywords are
 * meant for documents, and stay.
 */
export function plain(schema: object): JsonSchema {
  return tidy(JSON.parse(JSON.stringify(schema)) as JsonSchema)
}

function withoutNames({ [NAME]: _name, ...schema }: JsonSchema): JsonSchema {
  return mapSchemas(schema, schema, withoutNames)
}

/** Like `plain`, with the names that `named` gave. */
function withNames(schema: object): JsonSchema {
  const text = JSON.stringify(schema, (_key, value: unknown) => {
    const name = isObject(value) ? nameOf(value) : undefined
    return name === undefined ? value : { ...(value as JsonSchema), [NAME]: name }
  })
  return tidy(JSON.parse(text) as JsonSchema)
}

function tidy(schema: JsonSchema): JsonSchema {
  const tidied = mapSchemas(
    Object.fromEntries(Object.entries(schema).filter(([keyword]) => PLAIN_KEYWORDS.has(keyword) || keyword.startsWith('x-'))),
    schema,
    tidy
  )
  return withWords(withMap(tidied))
}

/** `into`, with every schema that `from` holds one level down as `change` makes it. */
function mapSchemas(into: JsonSchema, from: JsonSchema, change: (schema: JsonSchema) => JsonSchema): JsonSchema {
  const one = (schema: unknown): unknown => (isObject(schema) ? change(schema) : schema)
  const result: Record<string, unknown> = { ...into }
  for (const keyword of SCHEMA) if (keyword in from) result[keyword] = one(from[keyword])
  for (const keyword of SCHEMAS) if (Array.isArray(from[keyword])) result[keyword] = from[keyword].map(one)
  for (const keyword of NAMED_SCHEMAS) {
    const named = from[keyword]
    if (isObject(named)) result[keyword] = Object.fromEntries(Object.entries(named).map(([name, schema]) => [name, one(schema)]))
  }
  const { items } = from
  if (Array.isArray(items)) {
    // The dialects of JSON Schema write tuples in different ways, and this one means the same in all.
    result.items = { anyOf: items.map(one) }
    delete result.additionalItems
  } else if (items !== undefined) result.items = one(items)
  return result
}

function withMap(schema: JsonSchema): JsonSchema {
  const { patternProperties, ...rest } = schema
  if (!isObject(patternProperties) || Object.keys(patternProperties).join() !== ANY_KEY) return schema
  return { ...rest, additionalProperties: patternProperties[ANY_KEY] }
}

function withWords(schema: JsonSchema): JsonSchema {
  const { anyOf, ...rest } = schema
  const words = Array.isArray(anyOf) ? (anyOf as JsonSchema[]) : []
  const isWord = (option: JsonSchema) => Object.keys(option).every((keyword) => keyword === 'const' || keyword === 'type')
  if (words.length === 0 || !words.every((option) => option.type === 'string' && 'const' in option && isWord(option)))
    return schema
  return { ...rest, type: 'string', enum: words.map((option) => option.const) }
}

/**
 * Schemas of one document. A named schema is written once, below `#/components/schemas`, and referred to wherever it is used.
 */
export class Schemas {
  readonly #used = new Map<string, JsonSchema>()
  /** The named schemas as text: a variant under the same name is written out in place. */
  readonly #texts = new Map<string, string>()

  /** A schema with references to the named ones. */
  of(schema: TSchema): JsonSchema {
    return this.#refer(withNames(schema))
  }

  /** The same, but the schema itself is written out: only those inside it become references. */
  inside(schema: TSchema): JsonSchema {
    const { [NAME]: _name, ...written } = withNames(schema)
    return mapSchemas(written, written, (inner) => this.#refer(inner))
  }

  /** Every named schema that `of` has referred to, sorted by name. */
  components(): Record<string, JsonSchema> {
    return Object.fromEntries([...this.#used].sort(([one], [other]) => (one < other ? -1 : 1)))
  }

  #refer({ [NAME]: name, ...schema }: JsonSchema): JsonSchema {
    // References inside are relative to it.
    if ('$id' in schema) return withoutNames(schema)
    if (typeof name !== 'string' || !this.#isFirst(name, schema)) return this.#inside(schema)
    if (!this.#used.has(name)) {
      this.#used.set(name, schema)
      this.#used.set(name, this.#inside(schema))
    }
    return { $ref: `#/components/schemas/${name}` }
  }

  #inside(schema: JsonSchema): JsonSchema {
    return mapSchemas(schema, schema, (inner) => this.#refer(inner))
  }

  #isFirst(name: string, schema: JsonSchema): boolean {
    const text = JSON.stringify(schema)
    if (!this.#texts.has(name)) this.#texts.set(name, text)
    return this.#texts.get(name) === text
  }
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
