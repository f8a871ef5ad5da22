export interface ArtifactRow {
  readonly sessionId: string
  readonly artifactId: string
  readonly type: string
  readonly title: string | null
  readonly createdAt: number
  readonly updatedAt: number
  /** 1 at first, one more with each change. */
  readonly revision: number
  readonly metadata: Record<string, unknown> | null
  readonly content: Record<string, unknown>
}

export type NewArtifact = Omit<ArtifactRow, 'createdAt' | 'updatedAt' | 'revision'>

export interface ArtifactPage {
  readonly limit: number
  readonly offset: number
  /** Limit on the stored bytes of content and metadata. The first artifact is always returned. */
  readonly bytes: number
}

/** Canvases of sessions. */
export interface ArtifactStore {
  /**
   * Creates or replaces the artifact with this id; each change is one more revision. The session has to exist. Undefined: nothing was
   * created because the session already has `most` others.
   */
  put(artifact: NewArtifact, now: number, most?: number): Promise<{ artifact: ArtifactRow; created: boolean } | undefined>
  get(sessionId: string, artifactId: string): Promise<ArtifactRow | undefined>
  /** Artifacts by last change, newest first. `total` counts before paging. */
  list(sessionId: string, page: ArtifactPage): Promise<{ rows: ArtifactRow[]; total: number }>
  /** `false`: no such artifact. */
  remove(sessionId: string, artifactId: string): Promise<boolean>
  /** Removes all artifacts of a session. Returns their number. */
  clear(sessionId: string): Promise<number>
}
