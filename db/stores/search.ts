import { type Connection, SEARCHED } from '../connection.ts'
import { and, desc, eq, sql } from '../drizzle.ts'
import type { FoundMessage, SearchQuery, SearchStore } from '../types/search.ts'
import { wordsOf } from '../words.ts'

/** Limit on the found messages that are compared with a session or frontend. */
const MAX_EXAMINED = 20_000

export function searchStore({ query, schema: { messages, sessions }, fullText }: Connection): SearchStore {
  return {
    async messages({ text, sessionId, frontend, limit, before = Number.MAX_SAFE_INTEGER }: SearchQuery): Promise<FoundMessage[]> {
      const words = wordsOf(text)
      if (words.length === 0) return []
      const some = sessionId !== undefined || frontend !== undefined
      const { id, runId, createdAt } = messages
      const rows = await query
        .select({
          id,
          sessionId: messages.sessionId,
          runId,
          createdAt,
          role: sql<'user' | 'assistant'>`${messages.role}`,
          text: sql<string>`substr(${messages.content}, 1, ${sql.raw(String(SEARCHED))})`,
          title: sessions.title
        })
        .from(messages)
        .innerJoin(sessions, eq(sessions.id, messages.sessionId))
        .where(
          and(
            sql`${id} in ${fullText.ids(words, before, some ? MAX_EXAMINED : limit)}`,
            sessionId === undefined ? undefined : eq(messages.sessionId, sessionId),
            frontend === undefined ? undefined : eq(sessions.frontend, frontend)
          )
        )
        .orderBy(desc(id))
        .limit(limit)
        .execute()
      return rows
    },

    compact: () => fullText.compact()
  }
}
