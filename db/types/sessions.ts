/** Queue policy of a lane: the effect of a message that arrives while the agent is busy. */
export interface StoredPolicy {
  readonly mode: 'collect' | 'followup' | 'steer' | 'steer_backlog' | 'interrupt'
  readonly cap: number
  readonly overflow: 'drop_old' | 'drop_new'
  readonly debounceMs: number
  readonly summarizeOverflow: boolean
}

/** Settings of one session. A setting that is absent has its configured value. */
export interface SessionConfig {
  readonly queue?: Partial<StoredPolicy>
  /** The lane begins no turn. */
  readonly paused?: true
  /** Tier of the models that answer. */
  readonly modelTier?: string
  /** End of the time in which elevated tools may run here. Epoch milliseconds. */
  readonly elevation?: { readonly untilMs: number }
}

export interface SessionRow {
  /** `<frontend>:<user id>`. */
  readonly id: string
  readonly frontend: string
  readonly userId: string
  readonly createdAt: number
  readonly lastMessageAt: number | null
  /** Messages of users and assistants. Tool results do not count. */
  readonly messageCount: number
  readonly config: SessionConfig
  /** Id of the last message before the current conversation began; null: the conversation has all messages. */
  readonly historyFrom: number | null
}

export interface SessionQuery {
  readonly frontend?: string | undefined
  /** Only sessions with one of these ids. */
  readonly ids?: readonly string[] | undefined
  readonly limit: number
  readonly offset: number
}

/** Conversations. All times are epoch milliseconds. */
export interface SessionStore {
  /** Creates the session unless it exists. `id` is `<frontend>:<user id>`, split at the first colon. */
  open(id: string, now: number): Promise<{ created: boolean }>
  get(id: string): Promise<SessionRow | undefined>
  /** Sessions by last message, newest first, those without a message last. `total` counts before paging. */
  list(query: SessionQuery): Promise<{ rows: SessionRow[]; total: number }>
  /** Merges settings into those of a session, also inside `queue`. Creates the session unless it exists. */
  configure(id: string, settings: SessionConfig, now: number): Promise<void>
  /** Removes one setting of a session. */
  unset(id: string, setting: keyof SessionConfig): Promise<void>
  /** Ids of sessions with the setting `paused`. */
  paused(): Promise<string[]>
  /** Begins a new conversation. Earlier messages can still be listed but are no longer part of the history. */
  renew(id: string): Promise<void>
  /**
   * Deletes the session in one transaction, with its messages, runs, artifacts, checkpoints and ended messages of the queue. Waiting
   * messages of the queue stay: they were accepted after the deletion was requested. `false`: no such session.
   */
  remove(id: string): Promise<boolean>
}
