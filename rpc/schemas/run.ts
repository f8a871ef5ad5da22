import { type Static, Type } from '@sinclair/typebox'
import { named } from '../named.ts'
import { Usage } from './agent.ts'

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(type: T, description: string) =>
  Type.Union([type, Type.Null()], { description })

export const RUN_STATUSES = ['running', 'completed', 'failed', 'cancelled', 'interrupted'] as const

export const RunState = named(
  'RunState',
  Type.Union(
    RUN_STATUSES.map((status) => Type.Literal(status)),
    { description: 'interrupted: the gateway ended while it ran' }
  )
)

/** One run, without its steps. */
export const RunSummary = named(
  'RunSummary',
  Type.Object({
    runId: Type.String(),
    sessionId: Type.String(),
    owner: Type.String({ description: 'Sender of the message that it answers' }),
    status: RunState,
    acceptedAt: Type.Integer({ description: 'Epoch milliseconds; the message waited until `startedAt`' }),
    startedAt: Type.Integer({ description: 'Epoch milliseconds' }),
    endedAt: Nullable(Type.Integer(), 'Epoch milliseconds; null while it runs'),
    usage: Usage,
    provider: Nullable(Type.String(), 'Provider of the model that answered or failed; null: no model was asked'),
    model: Nullable(Type.String(), 'Model that answered or failed'),
    error: Nullable(Type.Object({ code: Type.Integer(), message: Type.String() }), 'Error that its requester got; null without'),
    reason: Nullable(Type.String(), 'Why it was stopped, in the words of the requester, or the cause: timeout, shutdown, …')
  })
)

type State = Static<typeof RunState>

/** Run as it is stored. */
interface StoredRun {
  readonly id: string
  readonly sessionId: string
  readonly principal: string
  readonly status: State
  readonly createdAt: number
  readonly startedAt: number
  readonly endedAt: number | null
  readonly inputTokens: number
  readonly outputTokens: number
  readonly provider: string | null
  readonly model: string | null
  readonly errorCode: number | null
  readonly errorMessage: string | null
  readonly reason: string | null
}

/** Run as the protocol shows it. */
export function runSummaryOf(row: StoredRun): Static<typeof RunSummary> {
  const { id: runId, sessionId, principal, status, createdAt, startedAt, endedAt, provider, model, errorCode, reason } = row
  return {
    runId,
    sessionId,
    owner: principal,
    status,
    acceptedAt: createdAt,
    startedAt,
    endedAt,
    usage: { inputTokens: row.inputTokens, outputTokens: row.outputTokens },
    provider,
    model,
    error: errorCode === null ? null : { code: errorCode, message: row.errorMessage ?? '' },
    reason
  }
}
