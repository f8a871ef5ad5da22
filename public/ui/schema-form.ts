/** A field of a form that a JSON Schema describes. */
export type Field = FieldFacts &
  (
    | { readonly kind: 'text' }
    | { readonly kind: 'number'; readonly integer: boolean }
    | { readonly kind: 'boolean' }
    | { readonly kind: 'choice'; readonly choices: readonly unknown[] }
    | { readonly kind: 'list'; readonly item: Field }
    | { readonly kind: 'object'; readonly fields: readonly Field[] }
    | { readonly kind: 'json' }
  )

interface FieldFacts {
  readonly name: string
  readonly required: boolean
  readonly hint: string
  /** Value that the receiver takes where none is given. */
  readonly initial?: unknown
  /** Bounds of a number, of the length of a text, or of the entries of a list. */
  readonly least?: number | undefined
  readonly most?: number | undefined
}

/** Contents of the inputs of a field: a text each, in lists and objects. Choices and JSON stand there as JSON. */
export type Draft = string | readonly Draft[] | { readonly [name: string]: Draft }

/** A field that cannot be read, by its path as the gateway writes it: `queue.cap`, `kinds[1]`. */
export interface Problem {
  readonly path: string
  readonly message: string
}

type Schema = Readonly<Record<string, unknown>>

/** Objects in objects; deeper ones are JSON. */
const MAX_DEPTH = 4
const SIMPLE: ReadonlySet<Field['kind']> = new Set(['text', 'number', 'boolean', 'choice'])
const ABSENT = ''

/**
 * The form of an object's schema; undefined where only JSON will do.
 * @param root document that `$ref` points into. Default: the schema itself
 */
export function formOf(schema: unknown, root: unknown = schema): Field | undefined {
  const form = fieldOf(schema, { root, name: '', required: true, depth: 0 })
  return form.kind === 'object' ? form : undefined
}

interface Place {
  readonly root: unknown
  readonly name: string
  readonly required: boolean
  readonly depth: number
}

function fieldOf(given: unknown, place: Place): Field {
  const { root, name, required, depth } = place
  const schema = single(target(given, root), root)
  const hint = [given, schema].map((one) => (one as Schema | undefined)?.description).find((text) => typeof text === 'string')
  const facts = { name, required, hint: (hint as string | undefined) ?? '', initial: schema?.default }
  const bounds = (least: string, most: string) => ({ least: numberOf(schema?.[least]), most: numberOf(schema?.[most]) })
  const choices = choicesOf(schema, root)
  if (choices) return { ...facts, kind: 'choice', choices }
  switch (schema?.type) {
    case 'string':
      return { ...facts, ...bounds('minLength', 'maxLength'), kind: 'text' }
    case 'number':
    case 'integer':
      return { ...facts, ...bounds('minimum', 'maximum'), kind: 'number', integer: schema.type === 'integer' }
    case 'boolean':
      return { ...facts, kind: 'boolean' }
    case 'array': {
      if (depth >= MAX_DEPTH) break
      const item = fieldOf(schema.items, { root, name, required: true, depth: depth + 1 })
      if (SIMPLE.has(item.kind)) return { ...facts, ...bounds('minItems', 'maxItems'), kind: 'list', item }
      break
    }
    case 'object': {
      const properties = schema.properties ?? (schema.additionalProperties === false ? {} : undefined)
      if (typeof properties !== 'object' || properties === null || depth >= MAX_DEPTH) break
      const needed = Array.isArray(schema.required) ? schema.required : []
      const fields = Object.entries(properties).map(([name, property]) =>
        fieldOf(property, { root, name, required: needed.includes(name), depth: depth + 1 })
      )
      return { ...facts, kind: 'object', fields }
    }
  }
  return { ...facts, kind: 'json' }
}

/** The schema that a `$ref` into the document names, and else itself. */
function target(schema: unknown, root: unknown, depth = 0): Schema | undefined {
  if (typeof schema !== 'object' || schema === null) return undefined
  const { $ref } = schema as Schema
  if (typeof $ref !== 'string') return schema as Schema
  if (!$ref.startsWith('#/') || depth > MAX_DEPTH) return undefined
  const found = $ref
    .slice(2)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((at, part) => (typeof at === 'object' && at !== null ? (at as Schema)[part] : undefined), root)
  return target(found, root, depth + 1)
}

/** A schema that may also be null, without that: null is left to JSON. */
function single(schema: Schema | undefined, root: unknown): Schema | undefined {
  if (Array.isArray(schema?.type)) {
    const types = schema.type.filter((type) => type !== 'null')
    return types.length === 1 ? { ...schema, type: types[0] } : { ...schema, type: undefined }
  }
  const options = schema?.anyOf ?? schema?.oneOf
  if (!Array.isArray(options)) return schema
  const others = options.map((one) => target(one, root)).filter((one) => one?.type !== 'null')
  return others.length === 1 && others.length < options.length ? { ...schema, anyOf: undefined, ...others[0] } : schema
}

/** Values of an `enum`, a `const`, or alternatives that are each a `const`. */
function choicesOf(schema: Schema | undefined, root: unknown): readonly unknown[] | undefined {
  if (Array.isArray(schema?.enum) && schema.enum.length > 0) return schema.enum
  if (schema && 'const' in schema) return [schema.const]
  const options = schema?.anyOf ?? schema?.oneOf
  if (!Array.isArray(options) || options.length === 0) return undefined
  const targets = options.map((one) => target(one, root))
  return targets.every((one) => one && 'const' in one) ? targets.map((one) => one?.const) : undefined
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

/** A value as it stands in the inputs. Undefined: as nothing was given. */
export function draftOf(field: Field, value: unknown): Draft {
  if (field.kind === 'object') {
    const object = isObject(value) ? value : {}
    return Object.fromEntries(field.fields.map((one) => [one.name, draftOf(one, own(object, one.name))]))
  }
  if (field.kind === 'list') return Array.isArray(value) ? value.map((one) => draftOf(field.item, one)) : []
  if (value === undefined) return ABSENT
  if (field.kind === 'text') return typeof value === 'string' ? value : ABSENT
  if (field.kind === 'json') return JSON.stringify(value, null, 2)
  return JSON.stringify(value)
}

/** The form as it is before a person fills it in: required fields have their defaults. */
export function emptyDraft(field: Field): Draft {
  if (field.kind === 'object') return Object.fromEntries(field.fields.map((one) => [one.name, emptyDraft(one)]))
  return draftOf(field, field.required ? field.initial : undefined)
}

/** The value that the inputs stand for, with the problems of those that cannot be read. Empty fields that are not required are left out. */
export function valueIn(field: Field, draft: Draft): { readonly value: unknown; readonly problems: readonly Problem[] } {
  const problems: Problem[] = []
  return { value: read(field, draft, '', problems), problems }
}

function read(field: Field, draft: Draft | undefined, path: string, problems: Problem[]): unknown {
  const checked = <T>(value: T, message: string | false | undefined): T => {
    if (message) problems.push({ path, message })
    return value
  }
  if (field.kind === 'object') {
    const inner: Problem[] = []
    const entries = field.fields
      .map((one) => [one.name, read(one, own(draft, one.name) as Draft | undefined, join(path, one.name), inner)] as const)
      .filter(([, value]) => value !== undefined)
    // An object that is not required needs its required fields only once something stands in it.
    if (!field.required && isEmpty(draft)) return undefined
    problems.push(...inner)
    return Object.fromEntries(entries)
  }
  if (field.kind === 'list') {
    const drafts = Array.isArray(draft) ? (draft as readonly Draft[]) : []
    if (drafts.length === 0 && !field.required) return undefined
    const values = drafts.map((one, at) => read(field.item, one, `${path}[${at}]`, problems))
    return checked(values, outside(field, values.length, 'entries'))
  }
  const text = typeof draft === 'string' ? draft : ABSENT
  if (text === ABSENT && !(field.kind === 'text' && field.required && (field.least ?? 0) <= 0))
    return checked(undefined, field.required && 'is required')
  if (field.kind === 'text') return checked(text, outside(field, [...text].length, 'characters'))
  if (field.kind === 'number') {
    const number = Number(text)
    if (Number.isNaN(number)) return checked(undefined, 'must be a number')
    if (field.integer && !Number.isInteger(number)) return checked(number, 'must be an integer')
    return checked(number, outside(field, number, ''))
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return checked(undefined, `is not JSON: ${(error as Error).message}`)
  }
  if (field.kind === 'boolean') return checked(value, typeof value !== 'boolean' && 'must be true or false')
  if (field.kind === 'choice')
    return checked(value, !field.choices.some((one) => isSame(one, value)) && 'must be one of the choices')
  return value
}

function outside({ least, most }: Field, size: number, unit: string): string | undefined {
  const [at, end] = unit === '' ? ['must be at', ''] : ['must have at', ` ${unit}`]
  if (least !== undefined && size < least) return `${at} least ${least}${end}`
  return most !== undefined && size > most ? `${at} most ${most}${end}` : undefined
}

/** True if the form can show this value, and stands for exactly it. */
export function fits(form: Field, value: unknown): boolean {
  return isSame(valueIn(form, draftOf(form, value)).value, value) && canShow(form, value)
}

/** A choice and a switch show their own values only. */
function canShow(field: Field, value: unknown): boolean {
  if (value === undefined) return true
  if (field.kind === 'boolean') return typeof value === 'boolean'
  if (field.kind === 'choice') return field.choices.some((one) => isSame(one, value))
  if (field.kind === 'list') return (value as readonly unknown[]).every((one) => canShow(field.item, one))
  return field.kind !== 'object' || field.fields.every((one) => canShow(one, own(value, one.name)))
}

/** Path of a member below that of its object. */
export function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

function isEmpty(draft: Draft | undefined): boolean {
  if (draft === undefined || typeof draft === 'string') return draft === undefined || draft === ABSENT
  return Object.values(draft).every(isEmpty)
}

function isObject(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A member may be called `constructor`. */
function own(object: unknown, name: string): unknown {
  return isObject(object) && Object.hasOwn(object, name) ? object[name] : undefined
}

function isSame(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, at) => isSame(one, b[at]))
  if (!isObject(a) || !isObject(b)) return Object.is(a, b)
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && isSame(a[name], b[name]))
}
