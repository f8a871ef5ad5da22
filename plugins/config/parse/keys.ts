import { KindGuard, type TArray, type TObject, type TRecord, type TSchema } from '@sinclair/typebox'
import { distance } from 'fastest-levenshtein'
import { camelCase } from './names.ts'

/** Schemas with parts: objects of known keys, records of chosen keys, lists. Everything else is a leaf. */
export const isObject = (schema: TSchema): schema is TObject => KindGuard.IsObject(schema)
export const isRecord = (schema: TSchema): schema is TRecord => KindGuard.IsRecord(schema)
export const isList = (schema: TSchema): schema is TArray => KindGuard.IsArray(schema)
/** Any JSON, under names that are not the gateway's. */
export const isFree = (schema: TSchema): boolean => KindGuard.IsUnknown(schema)

/** Pattern of a record's keys, and the schema of its values. */
export function recordOf(schema: TRecord): { readonly pattern: RegExp; readonly value: TSchema } {
  const [[pattern, value]] = Object.entries(schema.patternProperties) as [[string, TSchema]]
  return { pattern: new RegExp(pattern), value }
}

/** Keys that would reach the prototype of an object they are copied to. */
export function isReserved(key: string): boolean {
  return key === '__proto__' || key === 'constructor' || key === 'prototype'
}

/** The schema of `key` inside `schema`, and the key as the file writes it; undefined when there is no such key. */
export function partOf(schema: TSchema, key: string): { readonly name: string; readonly schema: TSchema } | undefined {
  if (isReserved(key)) return undefined
  if (isObject(schema)) {
    const name = Object.keys(schema.properties).find((known) => known === key || camelCase(known) === key)
    return name === undefined ? undefined : { name, schema: schema.properties[name]! }
  }
  if (!isRecord(schema)) return undefined
  const { pattern, value } = recordOf(schema)
  return pattern.test(key) && !isSlip(key, keysOf(schema)) ? { name: key, schema: value } : undefined
}

/** The keys inside `schema` that have a meaning of their own. */
export function keysOf(schema: TSchema): readonly string[] {
  return isObject(schema) ? Object.keys(schema.properties) : ((schema.names as readonly string[] | undefined) ?? [])
}

/** Paths of everything that can be set at or below `schema`, records and lists as a whole. */
export function settingsOf(schema: TSchema, path: readonly string[] = []): string[][] {
  if (!isObject(schema)) return [[...path]]
  return Object.entries(schema.properties).flatMap(([key, part]) => settingsOf(part, [...path, key]))
}

/** The known name that was probably meant. A third of its letters may be wrong, and always two. */
export function nearest(key: string, known: readonly string[]): string | undefined {
  const guess = closest(key, known)
  return guess && guess.wrong <= Math.max(2, Math.floor(guess.name.length / 3)) ? guess.name : undefined
}

/** True for a chosen key that nearly equals a known one. */
function isSlip(key: string, known: readonly string[]): boolean {
  const guess = closest(key, known)
  return guess !== undefined && guess.name !== key && guess.wrong <= 2
}

/** The nearest known name; `wrong` counts differing letters, ignoring case. */
function closest(key: string, known: readonly string[]): { readonly name: string; readonly wrong: number } | undefined {
  const wrongIn = (name: string) => distance(key.toLowerCase(), name.toLowerCase())
  return known.map((name) => ({ name, wrong: wrongIn(name) })).sort((one, other) => one.wrong - other.wrong)[0]
}
