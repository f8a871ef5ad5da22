import { Registry } from 'prom-client'
import { gatewayPlugin } from '../define.ts'
import { measuredCalls } from './calls.ts'
import { measuredChannels } from './channels.ts'
import { measuredConnections } from './connections.ts'
import { measuredDatabase } from './database.ts'
import { measuredEventLoop } from './event-loop.ts'
import { measuredLanes } from './lanes.ts'
import { measuredModels } from './models.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Prometheus metrics registry. */
    metrics: Metrics
  }
}

/** The figures of one gateway, for Prometheus. A plugin adds its own metrics to it: `new Counter({ …, registers: [app.metrics] })`. */
export type Metrics = Registry

/** Owns `app.metrics`, and listens to what there is to measure. */
export default gatewayPlugin(
  { name: 'metrics', dependencies: ['db', 'rpc', 'connections', 'providers', 'lanes', 'channels'] },
  async (app) => {
    const metrics = new Registry()
    app.decorate('metrics', metrics)
    app.rpc.around(measuredCalls(metrics))
    app.providers.around(measuredModels(metrics))
    app.lanes.watch(measuredLanes(metrics, app.lanes))
    measuredConnections(metrics, app.connections)
    measuredChannels(metrics, app.channels)
    measuredDatabase(metrics, app.db)
    const ended = measuredEventLoop(metrics)
    app.addHook('onClose', async () => ended())
  }
)
