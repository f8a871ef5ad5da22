import { gatewayPlugin } from '../define.ts'
import * as methods from './methods.ts'
import { type NodeChange, Nodes } from './nodes.ts'
import { nodeTool } from './tool.ts'
import { Vault } from './vault.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Companion devices. */
    nodes: Nodes
  }
}

export type { Nodes } from './nodes.ts'
export type { PushMessage, PushSent, PushService, PushTarget } from './push.ts'

declare module '../hooks/hooks.ts' {
  interface HookEvents {
    /** A companion node has come, gone, or reported something. */
    'node.changed': { readonly nodeId: string; readonly change: NodeChange }
  }
}

/** Owns `app.nodes`: companion devices, their methods, and the tool by which the agent reaches them. */
export default gatewayPlugin(
  { name: 'nodes', dependencies: ['hooks', 'config', 'db', 'audit', 'rpc', 'system', 'tools'] },
  async (app) => {
    const { secretKey } = app.config.server
    const nodes = new Nodes({
      config: () => app.config.server.nodes,
      store: app.db.nodes,
      vault: new Vault(secretKey),
      audit: app.audit,
      log: app.log,
      onChanged: (nodeId, change) => app.hooks.emit('node.changed', { nodeId, change })
    })
    await nodes.sealAll()
    app.decorate('nodes', nodes)
    for (const method of Object.values(methods)) app.rpc.method(method)
    // Not listed while nodes are off: no model is offered a tool it may not use.
    if (app.config.server.nodes.enabled) app.tools.add(nodeTool(nodes))

    app.configStore.onChange(({ server }, previous) => {
      if (server.nodes !== previous.server.nodes) nodes.renegotiate()
    })

    app.system.describeNodes((connection) => {
      const config = app.config.server.nodes
      const live = nodes.of(connection)
      return {
        nodes: {
          enabled: config.enabled,
          locationEnabled: config.enabled && config.location.enabled,
          pushEnabled: config.enabled && config.push.enabled,
          allowedRoles: [...config.allowedRoles],
          registered: live !== undefined,
          ...(live && { role: live.node.role, nodeId: live.node.id })
        },
        featureGates: config.featureGates
      }
    })
  }
)
