import type { Static, TSchema } from '@sinclair/typebox'
import { Type } from '@sinclair/typebox'
import { invalidParams } from './errors.ts'
import { compile } from './validate.ts'

/** Position in a list, for the next page. Its content means nothing to clients. */
export const Cursor = Type.String({ minLength: 1, maxLength: 2048, description: '`nextCursor` of the previous page' })
/** Position after a page. */
export const NextCursor = Type.Union([Type.String(), Type.Null()], {
  description: '`cursor` for the next page; null: this is the last'
})

/** Position in a list as opaque text. */
export function encodeCursor(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

/**
 * Reader of cursors whose position has that schema.
 * @throws RpcError InvalidRequest for any other text
 */
export function cursorReader<S extends TSchema>(position: S): (cursor: string) => Static<S> {
  const check = compile<Static<S>>(position, 'params.cursor')
  return (cursor) => {
    const checked = check(parsed(cursor))
    if ('issues' in checked)
      throw invalidParams([{ path: 'params.cursor', message: 'must be the nextCursor of a previous page' }])
    return checked.value
  }
}

function parsed(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString())
  } catch {
    return undefined
  }
}
