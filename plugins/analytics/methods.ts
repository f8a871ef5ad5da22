import { defineMethod } from '../define.ts'
import { AnalyticsParams, SessionAnalytics } from './schema.ts'

export const sessionAnalytics = defineMethod({
  name: 'system.sessionAnalytics',
  summary: 'Sessions, messages, tools and topics of the last days',
  scope: 'read',
  params: AnalyticsParams,
  result: SessionAnalytics,
  examples: [
    {
      params: { days: 30, topLimit: 10 },
      result: {
        daily: [{ day: '2026-02-16', sessions: 14, messages: 228 }],
        models: [
          {
            day: '2026-02-16',
            provider: 'anthropic',
            model: 'claude',
            runs: 114,
            failed: 2,
            cancelled: 3,
            inputTokens: 120400,
            outputTokens: 9600
          }
        ],
        topSessions: [{ sessionId: 'telegram:123456', messages: 42, lastActivity: 1739700300 }],
        topTools: [{ toolName: 'web.search', executions: 37 }],
        topTopics: [{ topic: 'kubernetes', occurrences: 22 }],
        averageMessagesPerSession: 16.29,
        totalSessions: 14,
        totalMessages: 228
      }
    }
  ],
  handler: ({ days, topLimit }, { app }) => app.analytics.report({ days, topLimit })
})
