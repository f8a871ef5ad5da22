/** `max_payload_bytes` → `maxPayloadBytes`, for types. */
export type CamelCase<S extends string> = S extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<CamelCase<Tail>>}` : S

/** An object of the file with its keys in camelCase, all the way down. Keys of records are `string` and stay. */
export type Camel<T> = T extends readonly (infer Item)[]
  ? readonly Camel<Item>[]
  : T extends object
    ? { readonly [Key in keyof T as Key extends string ? CamelCase<Key> : Key]: Camel<T[Key]> }
    : T

/** `max_payload_bytes` → `maxPayloadBytes`. The file's names are the source; nothing is ever mapped back by rule. */
export function camelCase(key: string): string {
  return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
