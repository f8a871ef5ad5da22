import { Kind, type TSchema } from '@sinclair/typebox'

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
const PLAIN_KEYWORDS: ReadonlySet<string> = new Set(PLAIN)

/** How TypeBox writes "any key". */
const ANY_KEY = '^(.*)$'

/**
 * A schema of the code without what is no JSON Schema (hints for messages, marks of secrets, whatever a plugin has put
 * there), and in the form that generators of clients read best: a choice of words is an `enum`, a map has
 * `additionalProperties`. `x-` keywords are meant for documents, and stay.
 */
export function plain(schema: object): JsonSchema {
  return tidy(JSON.parse(JSON.stringify(schema)) as JsonSchema)
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
 * The schemas of one document. Those that have a name are written once, below `#/components/schemas`, and referred to
 * wherever the same schema is used.
 */
export class Schemas {
  readonly #names: ReadonlyMap<string, string>
  readonly #used = new Map<string, JsonSchema>()

  /** `named`: what the code exports under each name; what is no schema, or a very small one, is passed over. */
  constructor(named: ReadonlyArray<readonly [string, unknown]>) {
    const names = new Map<string, string>()
    for (const [name, schema] of named) {
      if (!isSchema(schema)) continue
      const text = JSON.stringify(plain(schema))
      if (text.length >= MIN_SHARED && !names.has(text)) names.set(text, name)
    }
    this.#names = names
  }

  /** A schema with references to the shared ones. */
  of(schema: TSchema): JsonSchema {
    return this.#refer(plain(schema))
  }

  /** The same, but itself written out: only what is inside it is referred to. */
  inside(schema: TSchema): JsonSchema {
    const written = plain(schema)
    return mapSchemas(written, written, (inner) => this.#refer(inner))
  }

  /** Every shared schema that `of` has referred to, by name, sorted. */
  components(): Record<string, JsonSchema> {
    return Object.fromEntries([...this.#used].sort(([one], [other]) => (one < other ? -1 : 1)))
  }

  #refer(schema: JsonSchema): JsonSchema {
    // References inside are relative to it.
    if ('$id' in schema) return schema
    const name = this.#names.get(JSON.stringify(schema))
    if (name === undefined) return mapSchemas(schema, schema, (inner) => this.#refer(inner))
    if (!this.#used.has(name)) {
      this.#used.set(name, schema)
      this.#used.set(
        name,
        mapSchemas(schema, schema, (inner) => this.#refer(inner))
      )
    }
    return { $ref: `#/components/schemas/${name}` }
  }
}

/** Characters: a reference to what is shorter would save nothing, and hide what it is. */
const MIN_SHARED = 100

function isSchema(value: unknown): value is TSchema {
  return isObject(value) && Kind in value
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
