import { Type } from '@sinclair/typebox'
import { Cursor, cursorReader, encodeCursor, NextCursor } from '../../rpc/cursor.ts'
import { defineMethod } from '../define.ts'
import { RunDetails, RunFilterParams, RunSummary } from './schema.ts'

const PAGE = 50
const readCursor = cursorReader(Type.Tuple([Type.Integer(), Type.String()]))

const EXAMPLE = {
  runId: '0b6f2a1c-5d0e-4c1f-9f43-6a3f5f0f2b11',
  sessionId: 'telegram:123456',
  owner: 'token:telegram',
  status: 'failed',
  acceptedAt: 1739448000000,
  startedAt: 1739448000900,
  endedAt: 1739448003400,
  usage: { inputTokens: 1204, outputTokens: 96 },
  provider: 'anthropic',
  model: 'claude',
  error: { code: 5, message: 'anthropic: HTTP 500' },
  reason: null
} as const

export const list = defineMethod({
  name: 'runs.list',
  summary: 'List runs of the agent, newest message first (extension)',
  extension: true,
  scope: 'read',
  params: Type.Object(
    {
      ...RunFilterParams,
      limit: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 500, default: PAGE, description: 'Maximum number of runs on a page' })
      ),
      cursor: Type.Optional(Cursor)
    },
    { additionalProperties: false }
  ),
  result: Type.Object({
    runs: Type.Array(RunSummary),
    total: Type.Integer({ minimum: 0, description: 'Number of runs on all pages, counted up to 10,000' }),
    nextCursor: NextCursor
  }),
  examples: [
    {
      params: { frontend: 'telegram', status: 'failed', limit: 50 },
      result: { runs: [EXAMPLE], total: 1, nextCursor: null }
    }
  ],
  async handler({ limit = PAGE, cursor, ...filter }, { app }) {
    const position = cursor === undefined ? undefined : readCursor(cursor)
    const before = position && { createdAt: position[0], id: position[1] }
    const { runs, total, last } = await app.runs.list({ ...filter, limit, before })
    return { runs, total, nextCursor: last ? encodeCursor([last.createdAt, last.id]) : null }
  }
})

export const get = defineMethod({
  name: 'runs.get',
  summary: 'Show a run with its steps, also while it runs (extension)',
  extension: true,
  scope: 'read',
  params: Type.Object({ runId: Type.String({ minLength: 1, maxLength: 64 }) }, { additionalProperties: false }),
  result: RunDetails,
  examples: [
    {
      params: { runId: EXAMPLE.runId },
      result: {
        ...EXAMPLE,
        steps: [
          { kind: 'accepted', startedAt: 1739448000000, endedAt: 1739448000000 },
          { kind: 'started', startedAt: 1739448000900, endedAt: 1739448000900 },
          {
            kind: 'model',
            name: 'claude',
            provider: 'anthropic',
            status: 'completed',
            startedAt: 1739448000910,
            endedAt: 1739448002100,
            reason: 'tool_calls',
            inputTokens: 1204,
            outputTokens: 96
          },
          {
            kind: 'tool',
            name: 'file.read',
            callId: 'call_1',
            status: 'completed',
            startedAt: 1739448002100,
            endedAt: 1739448002140,
            args: '{"path":"notes/today.md"}',
            output: 'Buy milk'
          },
          {
            kind: 'model',
            name: 'claude',
            provider: 'anthropic',
            status: 'failed',
            startedAt: 1739448002150,
            endedAt: 1739448003400,
            error: 'anthropic: HTTP 500'
          },
          { kind: 'ended', startedAt: 1739448003400, endedAt: 1739448003400 }
        ],
        omittedSteps: 0
      }
    }
  ],
  handler: ({ runId }, { app }) => app.runs.get(runId)
})
