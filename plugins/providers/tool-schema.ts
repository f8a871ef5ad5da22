import { isObject, type Json, objectsIn } from './wire-events.ts'

/** Levels of references that are followed; beyond, and where a schema contains itself, anything is allowed. */
const MAX_DEPTH = 24
/** Characters of a schema as JSON. Beyond it no provider takes the tool. */
const MAX_SCHEMA = 64 * 1024

const TYPES: ReadonlySet<unknown> = new Set(['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'])
const IGNORED: ReadonlySet<string> = new Set([
  '$schema',
  '$id',
  'id',
  '$defs',
  'definitions',
  '$comment',
  '$anchor',
  '$ref',
  '$dynamicRef'
])
const COMBINATORS = ['allOf', 'anyOf', 'oneOf'] as const
/** Keywords of the root that providers refuse, and that say nothing which the tool does not check itself. */
const ROOT_ONLY: ReadonlySet<string> = new Set([
  'allOf',
  'anyOf',
  'oneOf',
  'not',
  'if',
  'then',
  'else',
  'enum',
  'const',
  'dependentSchemas',
  'dependencies'
])

/**
 * Schema of a tool's arguments as every provider takes it: an object at the root without combinators, references inlined, `items` for
 * every list, only valid types. It may allow more than the tool does: the tool checks its arguments itself.
 * @param propertyName names that the provider takes; a property with another one is left out
 * @returns undefined where the tool cannot be offered
 */
export function fitSchema(schema: Json, propertyName?: RegExp): Json | undefined {
  const fitted = new Fitting(schema, propertyName).root()
  return fitted === undefined || JSON.stringify(fitted).length > MAX_SCHEMA ? undefined : fitted
}

class Fitting {
  readonly #document: Json
  readonly #propertyName: RegExp | undefined

  constructor(document: Json, propertyName: RegExp | undefined) {
    this.#document = document
    this.#propertyName = propertyName
  }

  root(): Json | undefined {
    const fitted = this.#fit(this.#document, [])
    const folded = fold(fitted)
    const types = Array.isArray(folded.type) ? folded.type : [folded.type ?? 'object']
    if (!types.includes('object')) return undefined
    const properties = isObject(folded.properties) ? folded.properties : {}
    const required = requiredIn(folded)
    // Without a property that the tool requires no call could succeed.
    if (required.some((name) => this.#propertyName?.test(name) === false)) return undefined
    const rest = Object.fromEntries(Object.entries(folded).filter(([key]) => !ROOT_ONLY.has(key) && key !== 'required'))
    return { ...rest, type: 'object', properties, ...(required.length > 0 ? { required } : {}) }
  }

  #fit(schema: unknown, path: readonly string[]): Json {
    if (!isObject(schema) || path.length > MAX_DEPTH) return {}
    const { $ref } = schema
    if (typeof $ref === 'string') {
      const target = path.includes($ref) ? undefined : this.#resolve($ref)
      const { $ref: _, ...beside } = schema
      return { ...this.#fit(target, [...path, $ref]), ...this.#fit(beside, path) }
    }
    const fitted: Json = {}
    for (const [key, value] of Object.entries(schema)) {
      if (!IGNORED.has(key)) this.#keyword(fitted, key, value, path)
    }
    if (isList(fitted) && fitted.items === undefined) fitted.items = itemsOf(fitted)
    delete fitted.prefixItems
    delete fitted.additionalItems
    bounds(fitted)
    return fitted
  }

  #keyword(fitted: Json, key: string, value: unknown, path: readonly string[]): void {
    switch (key) {
      case 'type': {
        const types = (Array.isArray(value) ? value : [value]).filter((type) => TYPES.has(type))
        if (types.length > 0) fitted.type = types.length === 1 ? types[0] : types
        return
      }
      case 'properties': {
        const named = Object.entries(isObject(value) ? value : {}).filter(
          // `false` allows nothing.
          ([name, property]) => property !== false && this.#propertyName?.test(name) !== false
        )
        fitted.properties = Object.fromEntries(named.map(([name, property]) => [name, this.#fit(property, path)]))
        return
      }
      case 'required':
        if (Array.isArray(value)) fitted.required = value.filter((name) => typeof name === 'string')
        return
      case 'items':
      case 'prefixItems': {
        if (Array.isArray(value)) fitted.items = anyOf(value.map((item) => this.#fit(item, path)))
        else if (key === 'items' && fitted.items === undefined) fitted.items = this.#fit(value, path)
        return
      }
      case 'allOf':
      case 'anyOf':
      case 'oneOf': {
        const branches = objectsIn(value).map((branch) => this.#fit(branch, path))
        if (branches.length > 0) fitted[key] = branches
        return
      }
      case 'additionalProperties':
        fitted[key] = typeof value === 'boolean' ? value : this.#fit(value, path)
        return
      case 'not':
      case 'if':
      case 'then':
      case 'else':
      case 'contains':
      case 'propertyNames':
        fitted[key] = this.#fit(value, path)
        return
      case 'enum':
        if (Array.isArray(value) && value.length > 0) fitted.enum = value
        return
      default:
        if (value !== null && value !== undefined) fitted[key] = value
    }
  }

  /** A reference within the document (RFC 6901). Others are not fetched. */
  #resolve(ref: string): unknown {
    if (ref === '#') return this.#document
    if (!ref.startsWith('#/')) return undefined
    const steps = ref
      .slice(2)
      .split('/')
      .map((step) => decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~'))
    return steps.reduce<unknown>(
      (at, step) => (Array.isArray(at) || isObject(at) ? (at as Json)[step] : undefined),
      this.#document
    )
  }
}

/** The branches of the root's combinators as one object: of `allOf` all that they require, of the others only what every branch does. */
function fold(schema: Json): Json {
  let folded: Json = schema
  for (const combinator of COMBINATORS) {
    const branches = objectsIn(schema[combinator]).map(fold)
    if (branches.length === 0) continue
    const lists = branches.map(requiredIn)
    const required =
      combinator === 'allOf' ? [...new Set(lists.flat())] : lists[0]!.filter((name) => lists.every((list) => list.includes(name)))
    const properties = branches.reduce<Json>((all, branch) => merged(all, branch.properties), propertiesOf(folded))
    const type = folded.type ?? branches.find((branch) => branch.type === 'object')?.type ?? branches[0]?.type
    const description = folded.description ?? branches.find((branch) => branch.description !== undefined)?.description
    folded = {
      ...folded,
      ...(type !== undefined && { type }),
      ...(description !== undefined && { description }),
      properties,
      required: [...new Set([...requiredIn(folded), ...required])]
    }
    // An object that takes no other properties would refuse those of the branches.
    if (folded.additionalProperties === false && Object.keys(properties).length === 0) delete folded.additionalProperties
  }
  return folded
}

function merged(one: Json, other: unknown): Json {
  const all = { ...one }
  for (const [name, schema] of Object.entries(isObject(other) ? other : {})) {
    const known = all[name]
    all[name] = known === undefined || JSON.stringify(known) === JSON.stringify(schema) ? schema : alternatives(known, schema)
  }
  return all
}

/** Either of two schemas. Constants of several branches, which tell them apart, become one list of values. */
function alternatives(one: unknown, other: unknown): Json {
  const values = [one, other].map((schema) => (isObject(schema) ? valuesOf(schema) : undefined))
  if (isObject(one) && values.every((list) => list !== undefined)) {
    const { const: _, ...rest } = one
    return { ...rest, enum: [...new Set(values.flat())] }
  }
  const known = isObject(one) && Array.isArray(one.anyOf) && Object.keys(one).length === 1 ? (one.anyOf as unknown[]) : [one]
  return { anyOf: [...known, other] }
}

function valuesOf({ const: constant, enum: values }: Json): unknown[] | undefined {
  if (Array.isArray(values)) return values
  return constant === undefined ? undefined : [constant]
}

function propertiesOf({ properties }: Json): Json {
  return isObject(properties) ? properties : {}
}

function requiredIn({ required }: Json): string[] {
  return Array.isArray(required) ? (required as string[]) : []
}

function isList({ type }: Json): boolean {
  return type === 'array' || (Array.isArray(type) && type.includes('array'))
}

function itemsOf({ contains }: Json): Json {
  return isObject(contains) ? contains : {}
}

function anyOf(schemas: readonly Json[]): Json {
  const different = [...new Map(schemas.map((schema) => [JSON.stringify(schema), schema])).values()]
  return different.length === 1 ? different[0]! : different.length === 0 ? {} : { anyOf: different }
}

/** Draft 4 says with `true` that a bound is exclusive; since draft 6 it is a bound itself. */
function bounds(schema: Json): void {
  for (const [exclusive, bound] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum']
  ] as const) {
    if (typeof schema[exclusive] !== 'boolean') continue
    if (schema[exclusive] && typeof schema[bound] === 'number') {
      schema[exclusive] = schema[bound]
      delete schema[bound]
    } else delete schema[exclusive]
  }
}
