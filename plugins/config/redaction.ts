import type { TSchema } from '@sinclair/typebox'
import { Masker } from '../../security/masking/masker.ts'
import { isFree, isList, isObject, isRecord, recordOf } from './parse/keys.ts'
import { camelCase } from './parse/names.ts'
import { type Config, ConfigSchema } from './schema.ts'

const HIDDEN = '***'

/**
 * The configuration as it may be shown: what the schema marks secret is `***` wherever it stands, every other text has gone through
 * `mask`. What is not set is not there.
 */
export function shownConfig(config: Config, mask: (text: string) => string): Record<string, unknown> {
  return mapped(ConfigSchema, config, (text, isSecret) => (isSecret ? HIDDEN : mask(text))) as Record<string, unknown>
}

/** Knows every secret of a configuration, and `more`. */
export function maskerOf(config: Config, more: readonly string[] = []): Masker {
  return new Masker([...secretsOf(config), ...more])
}

/** The values of everything that the schema marks secret. */
export function secretsOf(config: Config): string[] {
  const secrets: string[] = []
  mapped(ConfigSchema, config, (text, isSecret) => {
    if (isSecret) secrets.push(text)
    return text
  })
  return secrets
}

/** A copy with other texts. Of a secret everything is a text: a number may be a PIN. */
function mapped(schema: TSchema, value: unknown, textOf: (text: string, secret: boolean) => string, secret = false): unknown {
  const hidden = secret || schema.secret === true
  const inside = (part: TSchema, content: unknown) => mapped(part, content, textOf, hidden)
  if (isList(schema)) return (value as unknown[]).map((item) => inside(schema.items, item))
  if (isFree(schema) && Array.isArray(value)) return value.map((item) => inside(schema, item))
  const partOf = partsOf(schema, value)
  if (partOf) {
    return Object.fromEntries(Object.entries(value as object).map(([name, content]) => [name, inside(partOf(name), content)]))
  }
  return hidden || typeof value === 'string' ? textOf(String(value), hidden) : value
}

/** From a name in the program to its schema, for what has named parts. */
function partsOf(schema: TSchema, value: unknown): ((name: string) => TSchema) | undefined {
  if (isRecord(schema)) return () => recordOf(schema).value
  if (isFree(schema) && typeof value === 'object' && value !== null) return () => schema
  if (!isObject(schema)) return undefined
  const parts = new Map(Object.entries(schema.properties).map(([key, part]) => [camelCase(key), part]))
  return (name) => parts.get(name)!
}

/** Headers that carry credentials. The subprotocol is where browsers put theirs. */
const HEADERS = ['authorization', 'cookie', 'set-cookie', 'sec-websocket-protocol']

/** What the logger must never write, as pino's `redact` paths: what the schema marks secret, and headers with credentials. */
export function redactPaths(): string[] {
  const secrets = secretPaths(ConfigSchema, '').flatMap((path) => [path, `config.${path}`])
  const headers = HEADERS.flatMap((name) => ['headers', 'req.headers', 'res.headers'].map((holder) => `${holder}["${name}"]`))
  return [...secrets, ...headers]
}

function secretPaths(schema: TSchema, path: string): string[] {
  if (schema.secret) return [path]
  if (isObject(schema)) {
    return Object.entries(schema.properties).flatMap(([key, part]) =>
      secretPaths(part, path === '' ? camelCase(key) : `${path}.${camelCase(key)}`)
    )
  }
  if (isRecord(schema)) return secretPaths(recordOf(schema).value, `${path}.*`)
  return isList(schema) ? secretPaths(schema.items, `${path}[*]`) : []
}
