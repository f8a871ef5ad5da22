import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Gauge, type Registry } from 'prom-client'

const RESOLUTION_MS = 20
const NS = 1e9
const QUANTILES = { 0.5: 50, 0.9: 90, 0.99: 99, 1: 100 } as const

/**
 * How late the event loop is. Every scrape begins anew, so that one slow moment does not show for ever.
 * @returns what ends the measuring
 */
export function measuredEventLoop(registry: Registry): () => void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  new Gauge({
    name: 'flynn_event_loop_delay_seconds',
    help: 'How much later than asked for the event loop came to its timers since the last scrape; the quantile 1 is the most',
    labelNames: ['quantile'],
    registers: [registry],
    collect() {
      for (const [quantile, percentile] of Object.entries(QUANTILES)) this.set({ quantile }, lateness(delay, percentile))
      delay.reset()
    }
  })
  return () => delay.disable()
}

/** Seconds. What is measured is the time between two timers, and that is the resolution where nothing is late. */
function lateness(delay: ReturnType<typeof monitorEventLoopDelay>, percentile: number): number {
  if (delay.count === 0) return 0
  return Math.max(0, delay.percentile(percentile) / NS - RESOLUTION_MS / 1000)
}
