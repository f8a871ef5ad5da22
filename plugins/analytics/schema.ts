import { Type } from '@sinclair/typebox'
import { named } from '../../rpc/named.ts'

export const AnalyticsParams = named(
  'AnalyticsParams',
  Type.Object(
    {
      days: Type.Integer({ minimum: 1, maximum: 366, default: 30, description: 'Number of days, in UTC, including today' }),
      topLimit: Type.Integer({ minimum: 1, maximum: 100, default: 10, description: 'Maximum length of each top list' })
    },
    { additionalProperties: false }
  )
)

const Count = Type.Integer({ minimum: 0 })

/** Counts of messages of users and of the agent. Deleted sessions do not count. */
export const SessionAnalytics = named(
  'SessionAnalytics',
  Type.Object({
    daily: Type.Array(
      Type.Object({
        day: Type.String({ description: '2026-02-16, in UTC' }),
        sessions: Type.Integer({ minimum: 0, description: 'Sessions with a message that day' }),
        messages: Count
      }),
      { description: 'Days with messages, oldest first' }
    ),
    models: Type.Array(
      Type.Object({
        day: Type.String({ description: 'Day on which the runs ended, in UTC' }),
        provider: Type.String({ description: 'Empty: no model was asked' }),
        model: Type.String(),
        runs: Count,
        failed: Type.Integer({ minimum: 0, description: 'Runs that failed or were interrupted' }),
        cancelled: Count,
        inputTokens: Count,
        outputTokens: Count
      }),
      {
        description:
          'Runs and their tokens by day and model, oldest first. A run counts a few seconds after its end, also once its session is deleted'
      }
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
        occurrences: Type.Integer({ minimum: 0, description: 'Messages of users with this word' })
      }),
      { description: 'Words of users. Rare words of past days are not kept' }
    ),
    averageMessagesPerSession: Type.Number({ description: 'To two decimal places; 0 when there are no sessions' }),
    totalSessions: Type.Integer({ minimum: 0, description: 'Sessions with a message in these days' }),
    totalMessages: Count
  })
)
