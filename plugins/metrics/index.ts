import { Registry } from 'prom-client'
import { gatewayPlugin } from '../define.ts'
import { measureCalls } from './calls.ts'
import { measureChannels } from './channels.ts'
import { measureConnections } from './connections.ts'
import { measureDatabase } from './database.ts'
import { measureEventLoop } from './event-loop.ts'
import { measureLanes } from './lanes.ts'
import { series as seriesMethod } from './methods.ts'
import { measureModels } from './models.ts'
import { measureProcess } from './process.ts'
import { sampling } from './sampling.ts'
import type { Series } from './series.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Metrics for Prometheus. */
    metrics: Metrics
  }
}

/** Metrics of one gateway. */
export interface Metrics {
  /** Open to plugins: `new Counter({ …, registers: [app.metrics.registry] })`. */
  readonly registry: Registry
  /** The last 24 hours, in memory. */
  readonly series: Series
}

/** Owns `app.metrics`, and fills it from the hooks of the gateway. */
export default gatewayPlugin(
  { name: 'metrics', dependencies: ['hooks', 'rpc', 'system', 'connections', 'lanes', 'channels'] },
  async (app) => {
    const registry = new Registry()
    const { series, stop: stopSampling } = sampling(app)
    app.decorate('metrics', { registry, series })
    app.rpc.method(seriesMethod)
    measureProcess(registry, app.system.version)
    measureCalls(registry, app.hooks)
    measureModels(registry, app.hooks)
    measureLanes(registry, app.hooks, app.lanes)
    measureConnections(registry, app.hooks, app.connections)
    measureChannels(registry, app.hooks, app.channels)
    measureDatabase(registry, app.hooks)
    const stop = measureEventLoop(registry)
    app.addHook('onClose', async () => {
      stop()
      stopSampling()
    })
  }
)
