import { Counter, Histogram, type Registry } from 'prom-client'
import type { AroundModel } from '../providers/index.ts'
import { SECONDS } from './calls.ts'

/** Calls of models, by the names in the configuration. */
export function measuredModels(registry: Registry): AroundModel {
  const tokens = new Counter({
    name: 'flynn_model_tokens_total',
    help: 'Tokens that calls of a model took and gave',
    labelNames: ['provider', 'model', 'direction'],
    registers: [registry]
  })
  const duration = new Histogram({
    name: 'flynn_model_duration_seconds',
    help: 'How long calls of a model took, until their last part; broken: they did not come to it',
    labelNames: ['provider', 'model', 'outcome'],
    buckets: SECONDS,
    registers: [registry]
  })
  return async function* measured(of, stream) {
    const start = performance.now()
    let outcome = 'broken'
    try {
      for await (const part of stream()) {
        if (part.type === 'finish') {
          const { inputTokens, outputTokens } = part.usage
          tokens.inc({ ...of, direction: 'input' }, inputTokens)
          tokens.inc({ ...of, direction: 'output' }, outputTokens)
          outcome = 'finished'
        }
        yield part
      }
    } finally {
      duration.observe({ ...of, outcome }, (performance.now() - start) / 1000)
    }
  }
}
