/** Any value that JSON can represent. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined }

export interface PluginValue {
  readonly key: string
  readonly value: JsonValue
  /** Changes with every write and is never used twice. */
  readonly revision: string
  readonly updatedAt: number
}

export interface PluginValueQuery {
  /** Only keys that begin with this text. */
  readonly prefix?: string | undefined
  /** Last key of the previous page: only later keys. */
  readonly after?: string | undefined
  /** 1 to 500, default 100. */
  readonly limit?: number | undefined
}

export interface PluginValuePage {
  readonly values: readonly PluginValue[]
  /** `after` of the next page; absent on the last one. */
  readonly next?: string | undefined
}

/**
 * JSON values of one plugin, by key. Keys have 1 to 256 characters without control characters and are ordered by their code points; a
 * value has up to 256 KiB as JSON, a plugin up to 10,000 values. Values belong to the plugin: deleting a session does not change them.
 * Methods reject with a `PluginStoreError` and change nothing when a limit is exceeded.
 */
export interface PluginStore {
  get(key: string): Promise<PluginValue | undefined>
  /** Writes a value, replacing an older one. Returns its revision. */
  set(key: string, value: JsonValue): Promise<string>
  /**
   * Writes a value only if the stored one still has this revision, or with `undefined` only if none is stored, in one atomic step.
   * Returns the new revision; undefined: the stored value is another one, and nothing was changed.
   */
  compareAndSet(key: string, value: JsonValue, revision: string | undefined): Promise<string | undefined>
  /** `false`: no such value. */
  delete(key: string): Promise<boolean>
  /** Values by key. A page also ends after 1 MiB of values. */
  list(query?: PluginValueQuery): Promise<PluginValuePage>
}
