import { KindGuard, type TSchema } from '@sinclair/typebox'
import { isFree, isList, isObject, isRecord, recordOf } from './parse/keys.ts'
import { ConfigSchema } from './schema.ts'

/** `${NAME}` may stand for any value, which only the gateway knows. */
const VARIABLE = '\\$\\{'

type Json = Readonly<Record<string, unknown>>

/**
 * Schema of the configuration file for editors, as JSON Schema draft 07, which their YAML servers speak. It has snake_case names only:
 * an editor marks `authHttp`, which the gateway accepts, so that files are written in one way.
 */
export function editorSchema(): Json {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Configuration of flynn-gateway',
    ...translated(ConfigSchema)
  }
}

function translated(schema: TSchema): Json {
  const { description, default: preset } = schema
  return {
    ...(description && { description: schema.restart ? `${description} (a change needs a restart)` : description }),
    ...(preset !== undefined && { default: preset }),
    ...shapeOf(schema)
  }
}

function shapeOf(schema: TSchema): Json {
  const pattern = VARIABLE
  if (isObject(schema)) {
    const parts = Object.entries(schema.properties)
    const required = parts.filter(([, part]) => !KindGuard.IsOptional(part) && mustBeWritten(part)).map(([key]) => key)
    return {
      type: ['object', 'string', 'null'],
      ...(!schema.shorthand && { pattern }),
      properties: Object.fromEntries(parts.map(([key, part]) => [key, translated(part)])),
      ...(required.length > 0 && { required }),
      additionalProperties: false
    }
  }
  if (isRecord(schema)) {
    const { pattern: keys, value } = recordOf(schema)
    const names = schema.names as readonly string[] | undefined
    const type = ['object', 'string', ...(schema.minProperties ? [] : ['null'])]
    const part = translated(value)
    return {
      type,
      pattern,
      // A gateway with a file has no plugins of a host that could add more of them.
      ...(names
        ? { properties: Object.fromEntries(names.map((name) => [name, part])) }
        : { patternProperties: { [keys.source]: part } }),
      ...(schema.minProperties !== undefined && { minProperties: schema.minProperties }),
      additionalProperties: false
    }
  }
  if (isList(schema)) {
    const { items, minItems } = schema
    return {
      type: ['array', 'string', ...(minItems ? [] : ['null'])],
      pattern,
      items: translated(items),
      ...(minItems && { minItems })
    }
  }
  if (schema.anyOf)
    return { anyOf: [{ enum: (schema.anyOf as TSchema[]).map((option) => option.const) }, { type: 'string', pattern }] }
  if (isFree(schema)) return {}
  const { type, minimum, maximum, minLength } = schema
  if (type === 'string') {
    return { type, ...(schema.pattern && { pattern: `(${schema.pattern})|${VARIABLE}` }), ...(minLength && { minLength }) }
  }
  return { type: [type, 'string'], pattern, ...(minimum !== undefined && { minimum }), ...(maximum !== undefined && { maximum }) }
}

/** Required in the file: no default, and a required part inside without one. */
function mustBeWritten(schema: TSchema): boolean {
  if (schema.default !== undefined) return false
  return !isObject(schema) || Object.values(schema.properties).some((part) => !KindGuard.IsOptional(part) && mustBeWritten(part))
}
