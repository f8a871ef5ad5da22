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
  readonly title: string | null
  /** Origin of the title: the first message, a model, or a person, whose title is never replaced. */
  readonly titledBy: 'message' | 'model' | 'person' | null
  readonly pinned: boolean
  /** A message of a user ends it. */
  readonly archived: boolean
  /** Tokens of all model calls. They are added with the answers. */
  readonly inputTokens: number
  readonly outputTokens: number
}

/** A session in a list. */
export interface ListedSession extends SessionRow {
  /** Beginning of its newest text, of a user or the agent; null: none. */
  readonly preview: string | null
  /** Messages of the agent after the caller's read mark, up to 100. */
  readonly unread: number
  /** Tokens of the conversation and the context window of its model; null: not counted yet. */
  readonly contextTokens: number | null
  readonly contextWindow: number | null
}

export type SessionSort = 'lastMessageAt' | 'createdAt' | 'title' | 'messageCount' | 'tokens'

export interface SessionQuery {
  readonly frontend?: string | undefined
  /** Only sessions with one of these ids. */
  readonly ids?: readonly string[] | undefined
  /** Only sessions with none of these ids. */
  readonly except?: readonly string[] | undefined
  readonly archived?: boolean | undefined
  readonly pinned?: boolean | undefined
  /** Only sessions with a message at this time or later. */
  readonly since?: number | undefined
  /** Only sessions whose last message is before this time. */
  readonly until?: number | undefined
  /** Only sessions with this text in their title, whatever the case of a to z. */
  readonly text?: string | undefined
  /** Default: `lastMessageAt`. */
  readonly sort?: SessionSort | undefined
  /** Default: the highest value first. */
  readonly ascending?: boolean | undefined
  /** Caller whose read marks count. */
  readonly principal?: string | undefined
  readonly limit: number
  readonly offset: number
}

/** Conversations. All times are epoch milliseconds. */
export interface SessionStore {
  /** Creates the session unless it exists. `id` is `<frontend>:<user id>`, split at the first colon. */
  open(id: string, now: number): Promise<{ created: boolean }>
  get(id: string): Promise<SessionRow | undefined>
  /** Sessions by last message, newest first, those without a message last. `total` counts before paging. */
  list(query: SessionQuery): Promise<{ rows: ListedSession[]; total: number }>
  /** Changes what people see of a session. A title of null is made again from the next message. */
  update(id: string, changes: Partial<Pick<SessionRow, 'title' | 'titledBy' | 'pinned' | 'archived'>>): Promise<void>
  /** Replaces a title that was made from a message by one of a model. */
  retitle(id: string, title: string): Promise<void>
  /** Records the newest message up to `upTo` as read by a caller. A mark never moves back. */
  markRead(id: string, principal: string, upTo?: number): Promise<void>
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
