import { Counter, Histogram, type Registry } from 'prom-client'
import type { Hooks } from '../hooks/index.ts'
import { SECONDS } from './calls.ts'

/** Calls of models, by the names in the configuration. */
export function measureModels(registry: Registry, hooks: Pick<Hooks, 'around'>): void {
  const tokens = new Counter({
    name: 'flynn_model_tokens_total',
    help: 'Tokens of model calls, by direction',
    labelNames: ['provider', 'model', 'direction'],
    registers: [registry]
  })
  const duration = new Histogram({
    name: 'flynn_model_duration_seconds',
    help: 'Duration of model calls; broken: the call ended before its last part',
    labelNames: ['provider', 'model', 'outcome'],
    buckets: SECONDS,
    registers: [registry]
  })
  hooks.around('model.call', async function* measured(of, run) {
    const start = performance.now()
    let outcome = 'broken'
    try {
      for await (const part of run()) {
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
  })
}
