import { gatewayPlugin } from '../define.ts'
import * as methods from './methods.ts'
import { ShutdownEvent } from './schema.ts'
import { System } from './system.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Version, capabilities and readiness. */
    system: System
  }
}

export type { NodesDescription } from './system.ts'
export { System } from './system.ts'

/** Owns `app.system` and the methods by which a gateway describes itself. */
export default gatewayPlugin({ name: 'system', dependencies: ['connections', 'providers', 'db'] }, async (app) => {
  app.decorate('system', new System(app))
  for (const method of Object.values(methods)) app.rpc.method(method)
  app.rpc.event('shutdown', ShutdownEvent)
  app.addHook('preClose', async () => app.system.closing())
})
