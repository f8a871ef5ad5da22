import type { Static, TSchema } from '@sinclair/typebox'
import { parseJson } from '../../rpc/json.ts'
import { compile } from '../../rpc/validate.ts'

/** Depth of nesting that is looked into. JSON of platforms is flat; deeper parts are left as they are. */
const MAX_DEPTH = 32

/**
 * JSON that a platform sent, without members that are null: a member that is null is absent.
 * @throws SyntaxError
 */
export function parseEvent(body: Buffer): unknown {
  return withoutNulls(parseJson(body.toString().replace(/^\ufeff/, '')))
}

export function withoutNulls(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value
  if (Array.isArray(value)) return value.map((item) => withoutNulls(item, depth + 1))
  const kept = Object.entries(value).filter(([, member]) => member !== null)
  return Object.fromEntries(kept.map(([key, member]) => [key, withoutNulls(member, depth + 1)]))
}

/** Reads a list entry by entry: an entry of another shape is left out, and so is a list that is none. */
export function entriesOf<S extends TSchema>(schema: S): (list: unknown) => Static<S>[] {
  const check = compile<Static<S>>(schema, 'entry')
  return (list) =>
    Array.isArray(list)
      ? list.flatMap((entry) => {
          const checked = check(entry)
          return 'issues' in checked ? [] : [checked.value]
        })
      : []
}

/** A text that is not blank. */
export function textIn(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
}
