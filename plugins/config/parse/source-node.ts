/**
 * A written value with its place. Children are made lazily: the schema leads the walk, so an alias that contains itself costs no more
 * than the schema has room for.
 */
export type Written =
  | { readonly kind: 'map'; readonly place: string; readonly entries: Iterable<Entry> }
  | { readonly kind: 'list'; readonly place: string; readonly items: Iterable<Written> }
  | { readonly kind: 'scalar'; readonly place: string; readonly value: unknown; readonly from?: string | undefined }
  /** Untyped text of a variable or flag, interpreted by the schema. */
  | { readonly kind: 'text'; readonly place: string; readonly text: string; readonly from?: string | undefined }
  /** Not readable. */
  | { readonly kind: 'fault'; readonly place: string; readonly fault: string }

export interface Entry {
  readonly key: string
  /** Place of the key, for problems of the key itself. */
  readonly place: string
  readonly value: Written
}

/** A value of the program. `from` names the variable it came from, if any: its content is then never shown. */
export function ofValue(value: unknown, place = '', from?: string): Written {
  if (Array.isArray(value)) return { kind: 'list', place, items: itemsOf(value, place, from) }
  // By tag and not by prototype: an object of another realm (a test runner's) is an object.
  if (Object.prototype.toString.call(value) === '[object Object]') {
    return { kind: 'map', place, entries: entriesOf(value as object, place, from) }
  }
  return { kind: 'scalar', place, value, from }
}

function* itemsOf(values: readonly unknown[], place: string, from: string | undefined): Iterable<Written> {
  for (const value of values) yield ofValue(value, place, from)
}

function* entriesOf(object: object, place: string, from: string | undefined): Iterable<Entry> {
  for (const [key, value] of Object.entries(object)) {
    if (value !== undefined) yield { key, place, value: ofValue(value, place, from) }
  }
}
