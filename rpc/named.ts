import type { TSchema } from '@sinclair/typebox'

/** A symbol, so that the name never reaches JSON: schemas also go to models and validators. */
const kName: unique symbol = Symbol('flynn.schemaName')

/**
 * Gives a schema a name. Documents write it once, below `#/components/schemas/<name>`, and refer to it wherever the schema is used.
 * Names are unique in a gateway; a schema that differs from the first one of its name is written out in place.
 */
export function named<S extends TSchema>(name: string, schema: S): S {
  return { ...schema, [kName]: name }
}

/** Name that `named` gave to a schema. */
export function nameOf(schema: object): string | undefined {
  return (schema as { readonly [kName]?: string })[kName]
}
