import { Type } from '@sinclair/typebox'
import { named } from '../../rpc/named.ts'
import { RunState, RunSummary } from '../../rpc/schemas/run.ts'

export { RunState, RunSummary } from '../../rpc/schemas/run.ts'

/** One step of a run. */
export const RunStepEntry = named(
  'RunStep',
  Type.Object({
    kind: Type.Union(
      ['accepted', 'started', 'model', 'tool', 'ended'].map((kind) =>
        Type.Literal(kind as 'accepted' | 'started' | 'model' | 'tool' | 'ended')
      ),
      { description: 'model: one call of a model; tool: one call of a tool; the others are moments' }
    ),
    startedAt: Type.Integer({ description: 'Epoch milliseconds' }),
    endedAt: Type.Union([Type.Integer(), Type.Null()], { description: 'Epoch milliseconds; null while it runs' }),
    status: Type.Optional(
      Type.Union(
        ['running', 'completed', 'failed', 'cancelled'].map((status) =>
          Type.Literal(status as 'running' | 'completed' | 'failed' | 'cancelled')
        ),
        { description: 'Of a call' }
      )
    ),
    name: Type.Optional(Type.String({ description: 'Model or tool' })),
    provider: Type.Optional(Type.String({ description: 'Of a model' })),
    callId: Type.Optional(Type.String({ description: 'Of a tool call' })),
    inputTokens: Type.Optional(Type.Integer({ minimum: 0 })),
    outputTokens: Type.Optional(Type.Integer({ minimum: 0 })),
    reason: Type.Optional(Type.String({ description: 'Why the model ended its answer' })),
    error: Type.Optional(Type.String()),
    args: Type.Optional(Type.String({ description: 'Beginning of the arguments as JSON, secrets masked' })),
    output: Type.Optional(Type.String({ description: 'Beginning of the output, secrets masked' }))
  })
)

/** A run with its steps. */
export const RunDetails = named(
  'RunDetails',
  Type.Composite([
    RunSummary,
    Type.Object({
      steps: Type.Array(RunStepEntry, { description: 'In order. A run that was interrupted has lost its calls' }),
      omittedSteps: Type.Integer({ minimum: 0, description: 'Calls that are not kept because there were too many' })
    })
  ])
)

export const RunFilterParams = {
  sessionId: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
  frontend: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
  status: Type.Optional(RunState),
  since: Type.Optional(
    Type.Integer({ minimum: 0, description: 'Only messages accepted at this time or later. Epoch milliseconds' })
  ),
  until: Type.Optional(Type.Integer({ minimum: 0, description: 'Only messages accepted before this time. Epoch milliseconds' }))
}
