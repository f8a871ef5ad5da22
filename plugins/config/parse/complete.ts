import { KindGuard, type TSchema } from '@sinclair/typebox'
import { expected } from '../../../rpc/validate.ts'
import { isList, isObject, isRecord, recordOf } from './keys.ts'
import { camelCase } from './names.ts'
import { join, type Problems } from './problems.ts'

/** Merges two sources. The later one wins, key by key; lists are replaced as a whole. */
export function merge(earlier: unknown, later: unknown): unknown {
  if (later === undefined) return earlier
  if (!isMap(earlier) || !isMap(later)) return later
  const result: Record<string, unknown> = { ...earlier }
  for (const [key, value] of Object.entries(later)) result[key] = merge(result[key], value)
  return result
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export interface Completing {
  readonly problems: Problems
  /** Place of the object at a path. */
  placeOf(path: string): string
  /** Makes a default path absolute. */
  resolve(path: string): string
}

/**
 * Completes the merged sources: names of the program, defaults filled in, frozen. Keys of records (tiers, providers) are chosen by
 * the operator and keep their spelling and order.
 */
export function complete(schema: TSchema, value: unknown, path: string, context: Completing): unknown {
  if (isObject(schema)) {
    const given = (value ?? {}) as Record<string, unknown>
    const result: Record<string, unknown> = {}
    for (const [key, part] of Object.entries(schema.properties)) {
      const at = join(path, key)
      const content = given[key] ?? defaultOf(part, context)
      if (content !== undefined || (isObject(part) && !KindGuard.IsOptional(part))) {
        result[camelCase(key)] = complete(part, content, at, context)
      } else if (!KindGuard.IsOptional(part) && !context.problems.touch(at)) {
        context.problems.add(context.placeOf(path), at, `is missing: must be ${expected(part)}`)
      }
    }
    return Object.freeze(result)
  }
  if (isRecord(schema)) {
    const part = recordOf(schema).value
    const entries = Object.entries(value as object).map(([key, content]) => [
      key,
      complete(part, content, join(path, key), context)
    ])
    return Object.freeze(Object.fromEntries(entries))
  }
  if (!isList(schema)) return value
  return Object.freeze((value as unknown[]).map((item, index) => complete(schema.items, item, `${path}[${index}]`, context)))
}

function defaultOf(schema: TSchema, { resolve }: Completing): unknown {
  return schema.path && schema.default !== undefined ? resolve(schema.default as string) : schema.default
}
