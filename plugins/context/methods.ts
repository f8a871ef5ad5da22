import { Type } from '@sinclair/typebox'
import { ContextBudget } from '../../rpc/schemas/context.ts'
import { defineMethod } from '../define.ts'

const LIMIT = 100

export const contextUsage = defineMethod({
  name: 'system.contextUsage',
  summary: 'Used share of the context window by session, latest message first',
  scope: 'read',
  params: Type.Object(
    {
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: LIMIT, description: 'Limit on the sessions' }))
    },
    { additionalProperties: false }
  ),
  result: Type.Object({
    sessions: Type.Array(Type.Object({ sessionId: Type.String(), budget: ContextBudget }), {
      description: 'Only those whose conversation has been answered by a model'
    })
  }),
  examples: [
    {
      params: {},
      result: {
        sessions: [
          {
            sessionId: 'ws:abc-123',
            budget: {
              estimatedTokens: 172000,
              contextWindow: 200000,
              remainingTokens: 28000,
              usagePct: 86,
              thresholdPct: 80,
              thresholdTokens: 160000,
              shouldCompact: true
            }
          }
        ]
      }
    }
  ],
  handler: async ({ limit = LIMIT }, { app }) => ({ sessions: await app.context.usage(limit) })
})
