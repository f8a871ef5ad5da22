import { Counter, Histogram, type Registry } from 'prom-client'
import { toRpcError } from '../../rpc/errors.ts'
import type { Hooks } from '../hooks/index.ts'

/** Label of all names that are not methods. Clients choose them, so each of its own would be an unbounded number of series. */
const UNKNOWN = 'unknown'
/** Buckets from an immediate answer to a run of ten minutes. */
export const SECONDS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 300, 600]

/** Calls of methods over any transport: their number, duration and errors. */
export function measureCalls(registry: Registry, hooks: Pick<Hooks, 'around'>): void {
  const duration = new Histogram({
    name: 'flynn_rpc_duration_seconds',
    help: 'Duration of method calls, until their result or error',
    labelNames: ['method'],
    buckets: SECONDS,
    registers: [registry]
  })
  const errors = new Counter({
    name: 'flynn_rpc_errors_total',
    help: 'Method calls that failed, by the name of the error',
    labelNames: ['method', 'error'],
    registers: [registry]
  })
  hooks.around('rpc.call', (call, run) => {
    const method = call.method?.name ?? UNKNOWN
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
    // The caller handles the failure; here it is only counted.
    if (result instanceof Promise) result.then(over, failed)
    else over()
    return result
  })
}
