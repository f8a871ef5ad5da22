/** A filter as people write it: `frontend:telegram -status:idle backup`. */
export interface Filter {
  /** `field:value` and `-field:value`. */
  readonly fields: readonly { readonly name: string; readonly value: string; readonly not: boolean }[]
  /** All other words. */
  readonly text: string
}

/** Reads a filter. A value with spaces stands in double quotes: `user:"ops team"`. */
export function parseFilter(text: string): Filter {
  const fields: Filter['fields'][number][] = []
  const words: string[] = []
  for (const [word, minus, name, quoted, plain] of text.matchAll(/(-?)([a-z]+):(?:"([^"]*)"|(\S+))|\S+/g)) {
    if (name === undefined) words.push(word)
    else fields.push({ name, value: quoted ?? plain ?? '', not: minus === '-' })
  }
  return { fields, text: words.join(' ') }
}

/** Values of a field without a minus; the last one counts. */
export function fieldOf({ fields }: Filter, name: string): string | undefined {
  return fields.findLast((field) => field.name === name && !field.not)?.value
}
