import type { Static } from '@sinclair/typebox'
import type { ContextBudget, ContextWarning } from '../../rpc/schemas/context.ts'

export type Budget = Static<typeof ContextBudget>
export type Warning = Static<typeof ContextWarning>

/** Percent of the window from which on people are warned. */
const WARNING_PCT = 75

/** Used share of a window. */
export function budgetOf(estimatedTokens: number, contextWindow: number, thresholdPct: number): Budget {
  const thresholdTokens = Math.floor((contextWindow * thresholdPct) / 100)
  return {
    estimatedTokens,
    contextWindow,
    remainingTokens: Math.max(0, contextWindow - estimatedTokens),
    usagePct: Math.round((estimatedTokens * 1000) / contextWindow) / 10,
    thresholdPct,
    thresholdTokens,
    shouldCompact: estimatedTokens >= thresholdTokens
  }
}

/** Level of the warning about it; undefined for none. */
export function levelOf({ estimatedTokens, contextWindow, shouldCompact }: Budget): Warning['level'] | undefined {
  if (shouldCompact) return 'checkpoint'
  return estimatedTokens * 100 >= contextWindow * WARNING_PCT ? 'warning' : undefined
}

/** The data of `context_warning` at the level `warning`, in the specification's words. */
export function warningOf(budget: Budget): Warning {
  const { estimatedTokens, contextWindow } = budget
  return {
    level: 'warning',
    message: usageInWords(budget, estimatedTokens, contextWindow),
    budget,
    actions: { checkpointSaved: false, autoCompacted: false }
  }
}

/** The same at the level `checkpoint`. Without a namespace none could be saved. */
export function checkpointOf(budget: Budget, { namespace, compacted }: { namespace?: string; compacted: boolean }): Warning {
  const usage = usageInWords(budget, grouped(budget.estimatedTokens), grouped(budget.contextWindow))
  const saved =
    namespace === undefined ? 'No checkpoint could be saved.' : `Checkpoint saved to memory namespace \`${namespace}\`.`
  return {
    level: 'checkpoint',
    message: `${usage} ${saved}`,
    budget,
    actions: {
      checkpointSaved: namespace !== undefined,
      autoCompacted: compacted,
      ...(namespace === undefined ? {} : { checkpointNamespace: namespace })
    }
  }
}

/** 172000 → 172,000, whatever the machine's language is. */
export function grouped(number: number): string {
  return String(number).replace(/\B(?=(?:\d{3})+$)/g, ',')
}

function usageInWords({ usagePct }: Budget, used: string | number, window: string | number): string {
  return `Context usage is ${usagePct.toFixed(1)}% (${used}/${window} estimated tokens).`
}
