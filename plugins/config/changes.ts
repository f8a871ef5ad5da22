import type { TSchema } from '@sinclair/typebox'
import { isList, isObject, isRecord, recordOf } from './parse/keys.ts'
import { camelCase } from './parse/names.ts'
import { join } from './parse/problems.ts'
import { type Config, ConfigSchema } from './schema.ts'

/** What becomes of a configuration that was read while another one is in force. Paths are in the file's names. */
export interface Change {
  /** What is in force from then on. Every part in which nothing changes is the same object as before. */
  readonly config: Config
  /** What has another value in it; lists as a whole. */
  readonly changed: readonly string[]
  /** What was read and needs a restart: `config` keeps the running value. */
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
      // Nothing in it, so it is their order: that of providers says who is asked first.
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

/** Order counts: it means something among the providers of a tier. */
function same(old: unknown, next: unknown): boolean {
  return JSON.stringify(old) === JSON.stringify(next)
}

/** Itself, or anything in it: what comes or goes as a whole cannot be half in force. */
function needsRestart(schema: TSchema): boolean {
  if (schema.restart) return true
  if (isObject(schema)) return Object.values(schema.properties).some(needsRestart)
  if (isRecord(schema)) return needsRestart(recordOf(schema).value)
  return isList(schema) && needsRestart(schema.items)
}
