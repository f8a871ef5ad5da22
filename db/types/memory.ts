export interface MemoryRow {
  readonly namespace: string
  readonly key: string
  readonly value: string
  readonly updatedAt: number
}

/** The agent's memory beyond a conversation: texts by key, in namespaces. */
export interface MemoryStore {
  get(namespace: string, key: string): Promise<MemoryRow | undefined>
  /** Writes a text, replacing an older one of the same key. */
  put(row: MemoryRow): Promise<void>
  /** Entries with each of the first ten words of `words` in their key or value, newest first. The case of a to z does not matter. */
  search(namespace: string, words: string, limit: number, offset?: number): Promise<MemoryRow[]>
  /** Bytes of the keys and values of a namespace and of all below it: `notes`, `notes/2026`. */
  bytes(namespace: string): Promise<number>
}
