import type { TSchema } from '@sinclair/typebox'
import { Masker } from '../../security/masking/masker.ts'
import { namesSecret } from '../../security/masking/rules.ts'
import { isFree, isList, isObject, isRecord, recordOf } from './parse/keys.ts'
import { camelCase } from './parse/names.ts'
import { type Config, ConfigSchema } from './schema.ts'
import { hostOnly, keysIn, withoutKeys } from './url-secrets.ts'

const HIDDEN = '***'

/** Form in which a value that may hold a secret is shown: not at all, up to the host of an address, or without keys in the path of an address. */
export type Shows = 'nothing' | 'host' | 'path'

const SHOWN: Record<Shows, (text: string) => string> = { nothing: () => HIDDEN, host: hostOnly, path: withoutKeys }

/**
 * The configuration without its secrets: values that the schema marks secret are `***`, those with `shows` are cut, and every other text is
 * passed through `mask`.
 */
export function shownConfig(config: Config, mask: (text: string) => string): Record<string, unknown> {
  const shown = mapped(ConfigSchema, config, (text, isSecret, shows) => {
    if (isSecret) return HIDDEN
    return mask(shows === undefined ? text : SHOWN[shows](text))
  })
  return shown as Record<string, unknown>
}

/** Masker of every secret of a configuration, and of `more`. */
export function maskerOf(config: Config, more: readonly string[] = []): Masker {
  return new Masker([...secretsOf(config), ...more])
}

/** Values of all keys that the schema marks secret, and keys in the paths of addresses. */
export function secretsOf(config: Config): string[] {
  const secrets: string[] = []
  mapped(ConfigSchema, config, (text, isSecret, shows) => {
    if (isSecret) secrets.push(text)
    else if (shows === 'host' || shows === 'path') secrets.push(...keysIn(text))
    return text
  })
  return secrets
}

type TextOf = (text: string, secret: boolean, shows: Shows | undefined) => string

/** A copy with texts replaced. Every value of a secret counts as text: a number may be a PIN. */
function mapped(schema: TSchema, value: unknown, textOf: TextOf, secret = false): unknown {
  const hidden = secret || schema.secret === true
  const inside = (part: TSchema, content: unknown) => mapped(part, content, textOf, hidden)
  if (isList(schema)) return (value as unknown[]).map((item) => inside(schema.items, item))
  if (isFree(schema) && Array.isArray(value)) return value.map((item) => inside(schema, item))
  const partOf = partsOf(schema, value)
  if (partOf) {
    const parts = Object.entries(value as object).map(([name, content]) => {
      const part = partOf(name)
      // Options of plugins have no schema here: their names must do.
      const isSecret = hidden || (isFree(part) && namesSecret(name))
      return [name, mapped(part, content, textOf, isSecret)]
    })
    return Object.fromEntries(parts)
  }
  return hidden || typeof value === 'string' ? textOf(String(value), hidden, schema.shows) : value
}

/** Schema of a part by its name in the program; undefined for schemas without named parts. */
function partsOf(schema: TSchema, value: unknown): ((name: string) => TSchema) | undefined {
  if (isRecord(schema)) return () => recordOf(schema).value
  if (isFree(schema) && typeof value === 'object' && value !== null) return () => schema
  if (!isObject(schema)) return undefined
  const parts = new Map(Object.entries(schema.properties).map(([key, part]) => [camelCase(key), part]))
  return (name) => parts.get(name)!
}

/** Headers that carry credentials. Browsers send theirs as a subprotocol. */
const HEADERS = ['authorization', 'cookie', 'set-cookie', 'sec-websocket-protocol']

/** Paths for pino's `redact`: keys that the schema marks secret, and headers with credentials. */
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
