import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { GatewayInstance } from '../define.ts'
import { SAMPLE_SECONDS, Series } from './series.ts'

const RESOLUTION_MS = 20

/** Feeds a series from the hooks, one sample every 15 seconds. Returns it, and a function that stops. */
export function sampling({ hooks, lanes }: Pick<GatewayInstance, 'hooks' | 'lanes'>): { series: Series; stop: () => void } {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  const series = new Series(() => {
    const late = delay.count === 0 ? 0 : Math.max(0, delay.max / 1e6 - RESOLUTION_MS)
    delay.reset()
    const running = lanes.ids().filter((id) => lanes.snapshot(id).running !== undefined).length
    return { running, waiting: lanes.waiting, loopMs: Math.round(late * 10) / 10 }
  })
  hooks.around('rpc.call', (_call, run) => {
    const start = performance.now()
    const over = (failed: boolean): void => series.called(performance.now() - start, failed)
    let result: unknown
    try {
      result = run()
    } catch (cause) {
      over(true)
      throw cause
    }
    if (result instanceof Promise) {
      result.then(
        () => over(false),
        () => over(true)
      )
    } else over(false)
    return result
  })
  hooks.around('model.call', async function* measured(_of, run) {
    const start = performance.now()
    let finished = false
    try {
      for await (const part of run()) {
        if (part.type === 'finish') {
          finished = true
          series.used(part.usage)
        }
        yield part
      }
    } finally {
      series.asked(performance.now() - start, !finished)
    }
  })
  const timer = setInterval(() => series.sample(Date.now()), SAMPLE_SECONDS * 1000).unref()
  return {
    series,
    stop: () => {
      clearInterval(timer)
      delay.disable()
    }
  }
}
