import { Type } from '@sinclair/typebox'

export const AnalyticsParams = Type.Object(
  {
    days: Type.Integer({ minimum: 1, maximum: 366, default: 30, description: 'How many days, in UTC; today is one of them' }),
    topLimit: Type.Integer({ minimum: 1, maximum: 100, default: 10, description: 'The most that each list of tops has' })
  },
  { additionalProperties: false }
)

const Count = Type.Integer({ minimum: 0 })

/** Of the messages there are, those of users and of the agent; a session that is deleted counts no longer. */
export const SessionAnalytics = Type.Object({
  daily: Type.Array(
    Type.Object({
      day: Type.String({ description: '2026-02-16, in UTC' }),
      sessions: Type.Integer({ minimum: 0, description: 'Sessions with a message that day' }),
      messages: Count
    }),
    { description: 'Days with messages, oldest first' }
  ),
  topSessions: Type.Array(
    Type.Object({
      sessionId: Type.String(),
      messages: Count,
      lastActivity: Type.Integer({ description: 'Epoch seconds' })
    }),
    { description: 'Most messages first' }
  ),
  topTools: Type.Array(
    Type.Object({
      toolName: Type.String(),
      executions: Type.Integer({ minimum: 0, description: 'Calls by the agent' })
    })
  ),
  topTopics: Type.Array(
    Type.Object({
      topic: Type.String(),
      occurrences: Type.Integer({ minimum: 0, description: 'Messages of users that have the word' })
    }),
    { description: 'Words that users write. What came up rarely on a day that is over is forgotten' }
  ),
  averageMessagesPerSession: Type.Number({ description: 'To two decimal places; 0 when there are no sessions' }),
  totalSessions: Type.Integer({ minimum: 0, description: 'Sessions with a message in these days' }),
  totalMessages: Count
})
