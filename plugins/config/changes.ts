import type { TSchema } from '@sinclair/typebox'
import { isList, isObject, isRecord, recordOf } from './parse/keys.ts'
import { camelCase } from './parse/names.ts'
import { join } from './parse/problems.ts'
import { type Config, ConfigSchema } from './schema.ts'

/** Result of reading a configuration while another one is in force. Paths are in the file's names. */
export interface Change {
  /** Configuration to put in force. Unchanged parts are the same objects as before. */
  readonly config: Config
  /** Paths whose value changes; lists count as a whole. */
  readonly changed: readonly string[]
  /** Paths whose new value needs a restart: `config` keeps the running value. */
  readonly restartRequired: readonly string[]
}

export function changeTo(running: Config, read: Config): Change {
  const changed: string[] = []
  const restartRequired: string[] = []

  function merged(schema: TSchema, old: unknown, next: unknown, path: string): unknown {
    if (same(old, next)) return old
    const hasParts = old !== undefined && next !== undefined && !schema.restart
    if (hasParts && isObject(schema)) {
      const keys = Object.entries(schema.properties).map(([key, part]) => ({ name: camelCase(key), at: join(path, key), part }))
      return assembled(keys, old as Values, next as Values)
    }
    if (hasParts && isRecord(schema)) {
      const part = recordOf(schema).value
      const names = new Set([...Object.keys(next as Values), ...Object.keys(old as Values)])
      const known = changed.length + restartRequired.length
      const result = assembled(
        Array.from(names, (name) => ({ name, at: join(path, name), part })),
        old as Values,
        next as Values
      )
      // No entry changed, so their order did. The order of providers decides which one is tried first.
      if (changed.length + restartRequired.length === known) changed.push(path)
      return result
    }
    const waits = needsRestart(schema)
    const paths = waits ? restartRequired : changed
    paths.push(path)
    return waits ? old : next
  }

  function assembled(keys: readonly Key[], old: Values, next: Values): object {
    const entries = keys.flatMap(({ name, at, part }) => {
      const value = merged(part, own(old, name), own(next, name), at)
      return value === undefined ? [] : [[name, value] as const]
    })
    return Object.freeze(Object.fromEntries(entries))
  }

  const config = merged(ConfigSchema, running, read, '') as Config
  return { config, changed, restartRequired }
}

type Values = Readonly<Record<string, unknown>>

interface Key {
  readonly name: string
  readonly at: string
  readonly part: TSchema
}

/** A tier may be called `toString`. */
function own(values: Values, name: string): unknown {
  return Object.hasOwn(values, name) ? values[name] : undefined
}

/** Order counts: the providers of a tier are tried in their order. */
function same(old: unknown, next: unknown): boolean {
  return JSON.stringify(old) === JSON.stringify(next)
}

/** True if the part itself or anything in it needs a restart: a part that is added or removed cannot be half in force. */
function needsRestart(schema: TSchema): boolean {
  if (schema.restart) return true
  if (isObject(schema)) return Object.values(schema.properties).some(needsRestart)
  if (isRecord(schema)) return needsRestart(recordOf(schema).value)
  return isList(schema) && needsRestart(schema.items)
}
