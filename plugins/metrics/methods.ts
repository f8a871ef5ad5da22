import { Type } from '@sinclair/typebox'
import { named } from '../../rpc/named.ts'
import { defineMethod } from '../define.ts'
import { SAMPLE_SECONDS } from './series.ts'

const count = (description: string) => Type.Integer({ minimum: 0, description })
const milliseconds = (description: string) => Type.Union([Type.Number({ minimum: 0 }), Type.Null()], { description })

const MetricsPoint = named(
  'MetricsPoint',
  Type.Object({
    ts: Type.Integer({ description: 'Begin of the bucket, epoch milliseconds. A bucket without a sample is missing' }),
    calls: count('Calls of methods'),
    errors: count('Those that failed'),
    p95Ms: milliseconds('95 of 100 calls took no longer; agent.send takes as long as its run. Null without calls'),
    modelCalls: count('Calls of models'),
    modelErrors: count('Those that broke off'),
    modelP95Ms: milliseconds('95 of 100 model calls took no longer; null without any'),
    inputTokens: count('Tokens sent to models'),
    outputTokens: count('Tokens of their answers'),
    running: count('Most lanes with a run'),
    waiting: count('Most waiting messages'),
    loopMs: Type.Number({ minimum: 0, description: 'Longest delay of the event loop' })
  })
)

const WINDOW = 60
const BUCKET = 60

export const series = defineMethod({
  name: 'system.metricsSeries',
  summary: 'Show calls, errors, model calls, tokens and load over the last hours, from memory (extension)',
  extension: true,
  scope: 'operate',
  params: Type.Object(
    {
      windowMinutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 1440, default: WINDOW })),
      bucketSeconds: Type.Optional(Type.Integer({ minimum: SAMPLE_SECONDS, maximum: 3600, default: BUCKET }))
    },
    { additionalProperties: false }
  ),
  result: Type.Object({
    generatedAt: Type.Integer({ description: 'Epoch milliseconds' }),
    windowMinutes: Type.Integer(),
    bucketSeconds: Type.Integer(),
    points: Type.Array(MetricsPoint, { description: 'Oldest first. Nothing is known of the time before the start' })
  }),
  examples: [
    {
      params: { windowMinutes: 60, bucketSeconds: 60 },
      result: {
        generatedAt: 1739999999000,
        windowMinutes: 60,
        bucketSeconds: 60,
        points: [
          {
            ts: 1739999940000,
            calls: 12,
            errors: 0,
            p95Ms: 3.2,
            modelCalls: 1,
            modelErrors: 0,
            modelP95Ms: 2100,
            inputTokens: 1204,
            outputTokens: 96,
            running: 1,
            waiting: 0,
            loopMs: 4
          }
        ]
      }
    }
  ],
  handler({ windowMinutes = WINDOW, bucketSeconds = BUCKET }, { app }) {
    const generatedAt = Date.now()
    const since = generatedAt - windowMinutes * 60_000
    return {
      generatedAt,
      windowMinutes,
      bucketSeconds,
      points: app.metrics.series.points({ since, bucketMs: bucketSeconds * 1000 })
    }
  }
})
