import { Registry } from 'prom-client'
import { gatewayPlugin } from '../define.ts'
import { measureCalls } from './calls.ts'
import { measureChannels } from './channels.ts'
import { measureConnections } from './connections.ts'
import { measureDatabase } from './database.ts'
import { measureEventLoop } from './event-loop.ts'
import { measureLanes } from './lanes.ts'
import { measureModels } from './models.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Prometheus metrics registry. */
    metrics: Metrics
  }
}

/** Prometheus registry of one gateway. A plugin adds its own metrics to it: `new Counter({ …, registers: [app.metrics] })`. */
export type Metrics = Registry

/** Owns `app.metrics`, and fills it from the hooks of the gateway. */
export default gatewayPlugin({ name: 'metrics', dependencies: ['hooks', 'connections', 'lanes', 'channels'] }, async (app) => {
  const metrics = new Registry()
  app.decorate('metrics', metrics)
  measureCalls(metrics, app.hooks)
  measureModels(metrics, app.hooks)
  measureLanes(metrics, app.hooks, app.lanes)
  measureConnections(metrics, app.hooks, app.connections)
  measureChannels(metrics, app.hooks, app.channels)
  measureDatabase(metrics, app.hooks)
  const stop = measureEventLoop(metrics)
  app.addHook('onClose', async () => stop())
})
