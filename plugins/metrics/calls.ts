import { Counter, Histogram, type Registry } from 'prom-client'
import type { AroundCall } from '../../rpc/define.ts'
import { toRpcError } from '../../rpc/errors.ts'

/** Anybody can ask for any name: those that are no method's share this one. */
const UNKNOWN = 'unknown'
/** From an answer at once to a run of ten minutes. */
export const SECONDS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 300, 600]

/** Calls of methods, over the socket and over HTTP: how many, how long, with which error. */
export function measuredCalls(registry: Registry): AroundCall {
  const duration = new Histogram({
    name: 'flynn_rpc_duration_seconds',
    help: 'How long calls of a method took, until their result or error',
    labelNames: ['method'],
    buckets: SECONDS,
    registers: [registry]
  })
  const errors = new Counter({
    name: 'flynn_rpc_errors_total',
    help: 'Calls that were answered with an error, by its name',
    labelNames: ['method', 'error'],
    registers: [registry]
  })
  return (known, _ctx, run) => {
    const method = known?.name ?? UNKNOWN
    const start = performance.now()
    const over = (): void => duration.observe({ method }, (performance.now() - start) / 1000)
    const failed = (cause: unknown): void => {
      over()
      errors.inc({ method, error: toRpcError(cause).kind })
    }
    let result: unknown
    try {
      result = run()
    } catch (cause) {
      failed(cause)
      throw cause
    }
    // Beside whoever waits for it: what fails is still told there.
    if (result instanceof Promise) result.then(over, failed)
    else over()
    return result
  }
}
