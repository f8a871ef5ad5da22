import { setImmediate } from 'node:timers/promises'
import type { Static } from '@sinclair/typebox'
import type { AnalyticsStore, PageEnd, SessionActivity } from '../../db/client.ts'
import type { AnalyticsParams, SessionAnalytics } from './schema.ts'

const DAY_MS = 86_400_000
/**
 * Sessions examined before the event loop runs again: about a millisecond. A session with a new message between two steps may count
 * twice in the total.
 */
const SESSIONS_AT_ONCE = 250
/** Limit on the rows of models: the newest days. */
const MAX_MODEL_DAYS = 5000

/** Figures about conversations. They are counted when messages are written, and only added up here. */
export class Analytics {
  readonly #store: AnalyticsStore
  readonly #now: () => number

  constructor(store: AnalyticsStore, now: () => number = Date.now) {
    this.#store = store
    this.#now = now
  }

  /** Figures of the last `days` days, in UTC, including today. */
  async report({ days, topLimit }: Static<typeof AnalyticsParams>): Promise<Static<typeof SessionAnalytics>> {
    const from = Math.floor(this.#now() / DAY_MS) - days + 1
    const { top, found } = await this.#sessions(from, topLimit)
    while (await this.#store.countRuns(this.#now())) await setImmediate()
    const models = await this.#store.models(from, MAX_MODEL_DAYS)
    const daily = await this.#store.days(from)
    const tools = await this.#store.most('tool', from, topLimit)
    await setImmediate()
    const topics = await this.#store.most('topic', from, topLimit)

    const totalMessages = daily.reduce((sum, { messages }) => sum + messages, 0)
    return {
      daily: daily.map(({ day, ...counts }) => ({ day: dateOf(day), ...counts })),
      models: models.map(({ day, ...counts }) => ({ day: dateOf(day), ...counts })),
      topSessions: top.map(({ id, messages, lastMessageAt }) => ({
        sessionId: id,
        messages,
        lastActivity: Math.floor(lastMessageAt / 1000)
      })),
      topTools: tools.map(({ name, count }) => ({ toolName: name, executions: count })),
      topTopics: topics.map(({ name, count }) => ({ topic: name, occurrences: count })),
      averageMessagesPerSession: found === 0 ? 0 : Math.round((totalMessages / found) * 100) / 100,
      totalSessions: found,
      totalMessages
    }
  }

  /** Sessions with the most messages since that day, and the number of sessions with any. */
  async #sessions(from: number, limit: number): Promise<{ top: SessionActivity[]; found: number }> {
    const best = new Map<string, SessionActivity>()
    let found = 0
    for (let after: PageEnd | undefined; ; await setImmediate()) {
      const page = await this.#store.activity({ from, sessions: SESSIONS_AT_ONCE, limit, after })
      // A session with a new message since an earlier page appears again, with its new count.
      for (const session of page.top) best.set(session.id, session)
      found += page.found
      if (!page.end) return { top: [...best.values()].sort(mostFirst).slice(0, limit), found }
      after = page.end
    }
  }
}

function dateOf(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10)
}

function mostFirst(one: SessionActivity, other: SessionActivity): number {
  return other.messages - one.messages || other.lastMessageAt - one.lastMessageAt || (one.id < other.id ? -1 : 1)
}
