import { Kind, type TSchema } from '@sinclair/typebox'
import { TypeCompiler, type ValueError, ValueErrorType } from '@sinclair/typebox/compiler'
import { Value } from '@sinclair/typebox/value'
import type { Issue } from './errors.ts'

export type Validation<T> = { readonly value: T } | { readonly issues: readonly Issue[] }
export type Validate<T = unknown> = (value: unknown) => Validation<T>

/** No client is helped by a longer list, and a hostile one could ask for a very long one. */
const MAX_ISSUES = 20
/** A quoted value is a hint, not an echo. */
const MAX_QUOTED = 40

/**
 * Compiles a schema once. The check fills defaults in place, never coerces, and names each problem with its path
 * below `root` and with what was expected: `params.limit must be an integer between 1 and 500`.
 */
export function compile<T = unknown>(schema: TSchema, root = 'params'): Validate<T> {
  const check = TypeCompiler.Compile(schema)
  const hasDefaults = JSON.stringify(schema).includes('"default":')
  return (input) => {
    // Of a list, `sort` is a function, which a schema with a property of that name would take for a value.
    const value = hasDefaults && !Array.isArray(input) ? Value.Default(schema, input) : input
    if (check.Check(value)) return { value: value as T }
    const issues = new Map<string, Issue>()
    for (const error of check.Errors(value)) {
      const path = pathOf(error, root)
      if (!issues.has(path)) issues.set(path, { path, message: messageOf(error) })
      if (issues.size === MAX_ISSUES) break
    }
    return { issues: [...issues.values()] }
  }
}

/** `/attachments/0/data` → `params.attachments[0].data`. */
function pathOf(error: ValueError, root: string): string {
  return error.path
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((path, part) => (/^\d+$/.test(part) ? `${path}[${part}]` : `${path}.${cut(part)}`), root)
}

function messageOf({ type, schema, value }: ValueError): string {
  if (type === ValueErrorType.ObjectAdditionalProperties) {
    const known = Object.keys((schema.properties ?? {}) as object)
    return known.length > 0 ? `is not known; known here: ${known.join(', ')}` : 'is not known; nothing is expected here'
  }
  if (type === ValueErrorType.ObjectRequiredProperty) return `is required and must be ${expected(schema)}`
  return `must be ${expected(schema)}, got ${got(value)}`
}

/** Expectation of a schema, in words. A schema can override it with `expected`. */
export function expected(schema: TSchema): string {
  if (typeof schema.expected === 'string') return schema.expected
  if ('const' in schema) return JSON.stringify(schema.const)
  const anyOf = schema.anyOf as TSchema[] | undefined
  if (anyOf) {
    const options = anyOf.map(expected)
    return anyOf.every((option) => 'const' in option) ? `one of ${options.join(', ')}` : options.join(' or ')
  }
  switch (schema[Kind] === 'Integer' ? 'integer' : schema.type) {
    case 'integer':
      return `an integer${range(schema.minimum, schema.maximum, '')}`
    case 'number':
      return `a number${range(schema.minimum, schema.maximum, '')}`
    case 'string':
      return `a string${range(schema.minLength, schema.maxLength, 'characters')}${schema.pattern ? ` matching ${schema.pattern}` : ''}`
    case 'array':
      return `an array${range(schema.minItems, schema.maxItems, 'items')}`
    case 'boolean':
      return 'true or false'
    case 'null':
      return 'null'
    case 'object':
      return 'an object'
    default:
      return 'another value'
  }
}

function range(low: number | undefined, high: number | undefined, unit: string): string {
  const tail = unit ? ` ${unit}` : ''
  const by = unit ? 'of ' : ''
  if (low !== undefined && high !== undefined) return ` ${unit ? `of ${low} to ${high}` : `between ${low} and ${high}`}${tail}`
  if (low !== undefined) return ` ${by}at least ${low}${tail}`
  if (high !== undefined) return ` ${by}at most ${high}${tail}`
  return ''
}

/** The kind of a value, and the value where it is short: never a whole attachment, never a whole message. */
function got(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value === 'string' && value.length > MAX_QUOTED) return `a string of ${value.length} characters`
  return JSON.stringify(value)
}

function cut(text: string): string {
  return text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text
}
