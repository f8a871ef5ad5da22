import type { TSchema } from '@sinclair/typebox'
import { isList, isObject, isRecord, recordOf } from './keys.ts'
import { camelCase } from './names.ts'
import { ConfigSchema } from './schema.ts'

/** Headers that carry credentials. The subprotocol is where browsers put theirs. */
const HEADERS = ['authorization', 'cookie', 'set-cookie', 'sec-websocket-protocol']

/** What the logger must never write, as pino's `redact` paths: what the schema marks secret, and headers with credentials. */
export function redactPaths(): string[] {
  const secrets = secretsOf(ConfigSchema, '').flatMap((path) => [path, `config.${path}`])
  const headers = HEADERS.flatMap((name) => ['headers', 'req.headers', 'res.headers'].map((holder) => `${holder}["${name}"]`))
  return [...secrets, ...headers]
}

function secretsOf(schema: TSchema, path: string): string[] {
  if (schema.secret) return [path]
  if (isObject(schema)) {
    return Object.entries(schema.properties).flatMap(([key, part]) =>
      secretsOf(part, path === '' ? camelCase(key) : `${path}.${camelCase(key)}`)
    )
  }
  if (isRecord(schema)) return secretsOf(recordOf(schema).value, `${path}.*`)
  return isList(schema) ? secretsOf(schema.items, `${path}[*]`) : []
}
