import { HEARTBEAT_SECONDS } from '../../rpc/connection.ts'
import { gatewayPlugin } from '../define.ts'
import { Connections } from './connections.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Live sockets. */
    connections: Connections
  }
}

export { Connections } from './connections.ts'

/** Owns `app.connections`: heartbeat and goodbye. */
export default gatewayPlugin(
  { name: 'connections', dependencies: ['hooks', 'config', 'auth', 'websocket', 'rpc'] },
  async (app) => {
    const connections = new Connections(app)
    app.decorate('connections', connections)

    // Runs after the listener of `auth`, whose plugin is registered earlier.
    app.configStore.onChange(() => connections.recheck())

    const heartbeat = setInterval(() => connections.beat(), HEARTBEAT_SECONDS * 1000)
    heartbeat.unref()
    app.addHook('onClose', async () => clearInterval(heartbeat))
  }
)
