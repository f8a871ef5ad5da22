import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Gauge, type Registry } from 'prom-client'

const RESOLUTION_MS = 20
const NS = 1e9
const QUANTILES = { 0.5: 50, 0.9: 90, 0.99: 99, 1: 100 } as const

/**
 * Delay of the event loop. Every scrape starts anew, so that one slow moment does not show for ever.
 * @returns a function that stops the measuring
 */
export function measureEventLoop(registry: Registry): () => void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  new Gauge({
    name: 'flynn_event_loop_delay_seconds',
    help: 'Delay of timers beyond their due time since the last scrape; quantile 1 is the maximum',
    labelNames: ['quantile'],
    registers: [registry],
    collect() {
      for (const [quantile, percentile] of Object.entries(QUANTILES)) this.set({ quantile }, lateness(delay, percentile))
      delay.reset()
    }
  })
  return () => delay.disable()
}

/** In seconds. Measured is the time between two timers, which equals the resolution when nothing is late. */
function lateness(delay: ReturnType<typeof monitorEventLoopDelay>, percentile: number): number {
  if (delay.count === 0) return 0
  return Math.max(0, delay.percentile(percentile) / NS - RESOLUTION_MS / 1000)
}
