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
  /** Only entries of this event. */
  readonly event?: string | undefined
  /** Only entries of this actor. */
  readonly actor?: string | undefined
  /** Limit on the stored bytes of details. The first entry is always returned. */
  readonly bytes?: number | undefined
}

/** Record of actions and their actors. Entries are added and, once old, removed; none is ever changed. */
export interface AuditStore {
  append(entry: NewAuditEntry): Promise<void>
  /** Entries, newest first. Empty only if no entry is left. */
  list(query: AuditQuery): Promise<AuditRow[]>
  /** Deletes some entries older than `before`. Returns their number; 0: none is left. */
  purge(before: number): Promise<number>
}
