import { Type } from '@sinclair/typebox'
import { NoParams } from '../../rpc/schemas/simple.ts'
import { defineMethod } from '../define.ts'
import { Series, ServiceLog, SourceId, SourceRow } from './schema.ts'

const WINDOW_MINUTES = 60
const BUCKET_SECONDS = 30
const LINES = 200

export const observabilitySources = defineMethod({
  name: 'system.observabilitySources',
  summary: 'List what has series and logs: the gateway, local backends, docker dependencies',
  scope: 'operate',
  params: NoParams,
  result: Type.Object({ sources: Type.Array(SourceRow) }),
  examples: [
    {
      params: {},
      result: {
        sources: [
          {
            id: 'systemd:flynn',
            name: 'Flynn daemon',
            kind: 'systemd_system',
            runtime: 'systemd_system',
            status: 'running',
            graphCapable: true,
            logCapable: true
          },
          {
            id: 'docker:whisper',
            name: 'Whisper (whisper.cpp)',
            kind: 'docker_dependency',
            runtime: 'docker_compose',
            status: 'running',
            graphCapable: true,
            logCapable: true
          }
        ]
      }
    }
  ],
  async handler(_params, { app }) {
    return { sources: await app.observability.sources() }
  }
})

export const observabilitySeries = defineMethod({
  name: 'system.observabilitySeries',
  summary: 'Show how sources were in the last minutes or hours, a point for each bucket of time',
  scope: 'operate',
  params: Type.Object(
    {
      windowMinutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 1440, default: WINDOW_MINUTES })),
      bucketSeconds: Type.Optional(Type.Integer({ minimum: 15, maximum: 3600, default: BUCKET_SECONDS })),
      sourceIds: Type.Optional(
        Type.Array(SourceId, { maxItems: 200, description: 'Ids of system.observabilitySources; absent: all of them' })
      )
    },
    { additionalProperties: false }
  ),
  result: Series,
  examples: [
    {
      params: { windowMinutes: 60, bucketSeconds: 30, sourceIds: ['systemd:flynn', 'docker:whisper'] },
      result: {
        generatedAt: 1739999999000,
        windowMinutes: 60,
        bucketSeconds: 30,
        series: [
          {
            sourceId: 'systemd:flynn',
            points: [
              { ts: 1739999970000, stateCode: 3, healthCode: 2, errorCount: 0, restartCount: 0 },
              { ts: 1739999985000, stateCode: 3, healthCode: 2, errorCount: 0, restartCount: 1 }
            ]
          }
        ]
      }
    }
  ],
  handler: ({ windowMinutes = WINDOW_MINUTES, bucketSeconds = BUCKET_SECONDS, sourceIds }, { app }) =>
    app.observability.series({ windowMinutes, bucketSeconds, sourceIds })
})

export const serviceLogs = defineMethod({
  name: 'system.serviceLogs',
  summary: 'Show the newest lines of the log of a source, without secrets',
  scope: 'operate',
  params: Type.Object(
    {
      sourceId: Type.String({ minLength: 1, maxLength: 256, description: 'An id of system.observabilitySources' }),
      lines: Type.Optional(Type.Integer({ minimum: 1, maximum: 2000, default: LINES, description: 'Maximum number of lines' })),
      sinceSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 31_536_000, description: 'No older lines than that' }))
    },
    { additionalProperties: false }
  ),
  result: ServiceLog,
  examples: [
    {
      params: { sourceId: 'docker:whisper', lines: 200, sinceSeconds: 900 },
      result: {
        sourceId: 'docker:whisper',
        fetchedAt: 1739999999000,
        redacted: false,
        truncated: false,
        lines: [{ ts: 1739999990000, level: 'warn', text: 'queue depth rising' }]
      }
    }
  ],
  handler: ({ sourceId, lines = LINES, sinceSeconds }, { app, signal }) =>
    app.observability.serviceLog(sourceId, { lines, sinceSeconds, signal })
})
