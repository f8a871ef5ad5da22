/** Kinds of names that are counted. */
export type TallyKind = 'tool' | 'topic'

/** Counts of one day, UTC, counted from 1970-01-01. */
export interface DayRow {
  readonly day: number
  /** Sessions with a message that day. */
  readonly sessions: number
  readonly messages: number
}

/** Messages of users and assistants of one session since a day. `lastMessageAt` is epoch milliseconds. */
export interface SessionActivity {
  readonly id: string
  readonly lastMessageAt: number
  readonly messages: number
}

/** End of a page of sessions in the order of their last activity. */
export interface PageEnd {
  readonly lastMessageAt: number
  readonly createdAt: number
  readonly id: string
}

export interface ActivityQuery {
  readonly from: number
  /** Limit on the sessions examined. */
  readonly sessions: number
  /** Limit on the sessions returned. */
  readonly limit: number
  readonly after?: PageEnd | undefined
}

export interface ActivityPage {
  /** Sessions with the most messages. */
  readonly top: readonly SessionActivity[]
  /** Number of sessions with messages since that day. */
  readonly found: number
  /** Absent on the last page. */
  readonly end: PageEnd | undefined
}

export interface Tally {
  readonly name: string
  readonly count: number
}

/** Runs of one day that ended with one model. Empty names: no model was asked. */
export interface ModelDay {
  readonly day: number
  readonly provider: string
  readonly model: string
  readonly runs: number
  /** Failed and interrupted runs. */
  readonly failed: number
  readonly cancelled: number
  readonly inputTokens: number
  readonly outputTokens: number
}

/** Counts of messages, kept together with the messages. `from` is the first day of a period that lasts until now. */
export interface AnalyticsStore {
  /** Days with messages, oldest first. */
  days(from: number): Promise<DayRow[]>
  /** Sessions by last activity, oldest first: a session with a new message moves to a later page. */
  activity(query: ActivityQuery): Promise<ActivityPage>
  /** Runs and tokens by day and model, oldest first: the newest `limit` rows. */
  models(from: number, limit: number): Promise<ModelDay[]>
  /**
   * Counts some runs that ended two seconds ago or earlier, each once, however many calls run side by side. Returns false when none is left.
   * They are counted afterwards and not with their end, so that a turn does not wait for it.
   */
  countRuns(now: number): Promise<boolean>
  /** The most frequent names. */
  most(kind: TallyKind, from: number, limit: number): Promise<Tally[]>
}
