import { gatewayPlugin } from '../define.ts'
import { Events } from './events.ts'
import * as methods from './methods.ts'
import { LostEvent } from './schema.ts'
import { publishChanges } from './sources.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Events of the gateway as a whole. */
    events: Events
  }
}

export type { Events } from './events.ts'

/** Owns `app.events`. Registered after everything that it observes. */
export default gatewayPlugin(
  { name: 'events', dependencies: ['hooks', 'rpc', 'connections', 'lanes', 'confirmations', 'audit'] },
  async (app) => {
    const { rpc, connections, log } = app
    const events = new Events({ rpc, connections, log })
    app.decorate('events', events)
    rpc.event('lost', LostEvent)
    for (const method of Object.values(methods)) rpc.method(method)
    publishChanges(app, events)
    app.addHook('preClose', async () => events.close())
  }
)
