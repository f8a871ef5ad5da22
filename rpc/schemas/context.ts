import { Type } from '@sinclair/typebox'
import { named } from '../named.ts'

const Tokens = Type.Integer({ minimum: 0 })

/** Share of a model's context window that a conversation uses. */
export const ContextBudget = named(
  'ContextBudget',
  Type.Object({
    estimatedTokens: Tokens,
    contextWindow: Tokens,
    remainingTokens: Tokens,
    usagePct: Type.Number({ minimum: 0, description: 'To one decimal place; may be more than 100' }),
    thresholdPct: Type.Integer({ description: 'agent.context_threshold_pct' }),
    thresholdTokens: Tokens,
    shouldCompact: Type.Boolean({ description: 'The threshold is reached' })
  })
)

/** The data of the event `context_warning`. */
export const ContextWarning = named(
  'ContextWarning',
  Type.Object({
    level: Type.Union([Type.Literal('warning'), Type.Literal('checkpoint')]),
    message: Type.String(),
    budget: ContextBudget,
    actions: Type.Object({
      checkpointSaved: Type.Boolean(),
      autoCompacted: Type.Boolean({ description: 'The model sees a summary in place of earlier messages from now on' }),
      checkpointNamespace: Type.Optional(Type.String({ description: 'Memory namespace; only when one was saved' }))
    })
  })
)
