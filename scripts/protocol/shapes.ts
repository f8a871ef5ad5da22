import type { JsonSchema } from '../../rpc/documents/schemas.ts'
import { code, link, tableOfFilled } from './markdown.ts'

/** Type of a value, in a few words: `string`, `array of Attachment`. */
export function typeOf(schema: JsonSchema): string {
  const { $ref, type, items, anyOf, additionalProperties } = schema
  if (typeof $ref === 'string') return link(nameOf($ref))
  if ('const' in schema) return code(JSON.stringify(schema.const))
  if (Array.isArray(schema.enum)) return either(schema.enum.map((word) => code(String(word))))
  if (Array.isArray(anyOf)) return either([...new Set((anyOf as JsonSchema[]).map(typeOf))])
  if (type === 'array') return `array of ${typeOf((items ?? {}) as JsonSchema)}`
  if (type === 'object' && isSchema(additionalProperties) && Object.keys(additionalProperties).length > 0) {
    return `object of ${typeOf(additionalProperties)}`
  }
  return typeof type === 'string' ? type : 'any JSON'
}

function either(options: readonly string[]): string {
  return options.length < 2 ? options.join('') : `${options.slice(0, -1).join(', ')} or ${options.at(-1)}`
}

/** The members of an object as rows, those of objects inside it with their path: `queue.mode`, `messages[].role`. */
export function members(schema: JsonSchema): string {
  return tableOfFilled(['name', 'type', 'required', 'range', 'what it is'], rowsOf(schema, ''))
}

function rowsOf({ properties = {}, required = [] }: JsonSchema, path: string): string[][] {
  const entries = Object.entries(properties as Record<string, JsonSchema>)
  return entries.flatMap(([name, schema]) => {
    const place = `${path}${name}`
    const inside = objectsIn(schema, place).flatMap(([inner, prefix]) => rowsOf(inner, prefix))
    const isRequired = (required as string[]).includes(name)
    return [[code(place), typeOf(schema), isRequired ? 'yes' : '', rangeOf(schema), described(schema)], ...inside]
  })
}

/** The objects with members that a value is, or is made of, each with the path of its members. */
function objectsIn(schema: JsonSchema, place: string): Array<[JsonSchema, string]> {
  if (isSchema(schema.properties)) return [[schema, `${place}.`]]
  if (isSchema(schema.items)) return objectsIn(schema.items, `${place}[]`)
  return Array.isArray(schema.anyOf) ? (schema.anyOf as JsonSchema[]).flatMap((option) => objectsIn(option, place)) : []
}

/** Range of a value beyond its type, and its default. */
function rangeOf(schema: JsonSchema): string {
  const { minimum, maximum, minLength, maxLength, minItems, maxItems } = schema
  const parts = [span(minimum, maximum), span(minLength, maxLength, 'characters'), span(minItems, maxItems, 'items')]
  if ('default' in schema) parts.push(`default ${code(JSON.stringify(schema.default))}`)
  return parts.filter((part) => part !== '').join(', ')
}

function span(low: unknown, high: unknown, unit = ''): string {
  const text =
    low !== undefined && high !== undefined
      ? low === high
        ? `${low}`
        : `${low} to ${high}`
      : low !== undefined
        ? `at least ${low}`
        : high !== undefined
          ? `at most ${high}`
          : ''
  return text === '' || unit === '' ? text : `${text} ${unit}`
}

function described({ description }: JsonSchema): string {
  return typeof description === 'string' ? description : ''
}

/** A schema as a text of its own: what it is, and its members where it has any. */
export function shape(schema: JsonSchema): string {
  const options = Array.isArray(schema.anyOf) ? (schema.anyOf as JsonSchema[]) : [schema]
  const description = described(schema)
  const parts = options.map((option) => {
    if (isSchema(option.properties))
      return Object.keys(option.properties).length > 0 ? members(option) : 'An object without members.'
    const range = rangeOf(option)
    return `${capital(typeOf(option))}${range ? `, ${range}` : ''}.`
  })
  return [...(description ? [`${capital(description)}.`] : []), parts.join('\n\nor\n\n')].join('\n\n')
}

function capital(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}`
}

function nameOf($ref: string): string {
  return $ref.slice($ref.lastIndexOf('/') + 1)
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
