import type { Static } from '@sinclair/typebox'
import type { Camel } from './names.ts'
import type { ConfigSchema } from './schema.ts'

type File = Static<typeof ConfigSchema>

/** The configuration: complete, checked, frozen, paths absolute. */
export type Config = Camel<File>

/** What may be written: any part of the configuration, in the file's names or in those of the program. */
export type ConfigInput = Partially<File> | Partially<Config>

type Partially<T> = T extends readonly (infer Item)[]
  ? readonly Item[]
  : T extends object
    ? { readonly [Key in keyof T]?: Partially<T[Key]> | undefined }
    : T
