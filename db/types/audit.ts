export interface AuditRow {
  readonly id: number
  readonly at: number
  readonly event: string
  readonly actor: string
  readonly detail: Record<string, unknown>
}

export type NewAuditEntry = Omit<AuditRow, 'id'>

export interface AuditQuery {
  readonly limit: number
  /** Id of the last entry of the previous page. */
  readonly before?: number | undefined
  /** Only entries of this event; with a `*` at its end of all events that begin so. */
  readonly event?: string | undefined
  /** Only entries of this actor. */
  readonly actor?: string | undefined
  /** Only entries about this session. */
  readonly sessionId?: string | undefined
  /** Only entries from this time on. */
  readonly since?: number | undefined
  /** Only entries before this time. */
  readonly until?: number | undefined
  /** Limit on the stored bytes of details. The first entry is always returned. */
  readonly bytes?: number | undefined
}

/** Record of actions and their actors. Entries are added and, once old, removed; none is ever changed. */
export interface AuditStore {
  append(entry: NewAuditEntry): Promise<void>
  /** Entries, newest first. Empty only if no entry is left. */
  list(query: AuditQuery): Promise<AuditRow[]>
  /** Number of entries that `list` would return without its limits. */
  count(query: Omit<AuditQuery, 'limit' | 'before' | 'bytes'>): Promise<number>
  /** Deletes some entries older than `before`. Returns their number; 0: none is left. */
  purge(before: number): Promise<number>
}
