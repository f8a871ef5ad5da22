import { Registry } from 'prom-client'
import { gatewayPlugin } from '../define.ts'
import { measureCalls } from './calls.ts'
import { measureChannels } from './channels.ts'
import { measureConnections } from './connections.ts'
import { measureDatabase } from './database.ts'
import { measureEventLoop } from './event-loop.ts'
import { measureLanes } from './lanes.ts'
import { measureModels } from './models.ts'
import { measureProcess } from './process.ts'

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
}

/** Owns `app.metrics`, and fills it from the hooks of the gateway. */
export default gatewayPlugin(
  { name: 'metrics', dependencies: ['hooks', 'system', 'connections', 'lanes', 'channels'] },
  async (app) => {
    const registry = new Registry()
    app.decorate('metrics', { registry })
    measureProcess(registry, app.system.version)
    measureCalls(registry, app.hooks)
    measureModels(registry, app.hooks)
    measureLanes(registry, app.hooks, app.lanes)
    measureConnections(registry, app.hooks, app.connections)
    measureChannels(registry, app.hooks, app.channels)
    measureDatabase(registry, app.hooks)
    const stop = measureEventLoop(registry)
    app.addHook('onClose', async () => stop())
  }
)
