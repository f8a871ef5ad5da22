import { Type } from '@sinclair/typebox'
import { peerOf } from '../../rpc/peer.ts'
import { NoParams, Success } from '../../rpc/schemas/simple.ts'
import { defineMethod } from '../define.ts'
import { Capabilities, Hello, HelloParams, Info } from './schema.ts'

export const info = defineMethod({
  name: 'system.info',
  summary: 'Version, uptime and load of the gateway',
  scope: 'any',
  params: NoParams,
  result: Info,
  examples: [{ params: {}, result: { version: '0.1.0', uptime: 12345, connections: 2 } }],
  handler: (_params, { app }) => app.system.info()
})

export const disconnect = defineMethod({
  name: 'system.disconnect',
  summary: 'Close the connection gracefully',
  scope: 'any',
  uncounted: true,
  params: NoParams,
  result: Success,
  examples: [{ params: {}, result: { success: true } }],
  handler(_params, ctx) {
    peerOf(ctx, 'system.disconnect').close(1000, 'system.disconnect')
    return { success: true }
  }
})

export const capabilities = defineMethod({
  name: 'system.capabilities',
  summary: 'Protocol version, node policy, feature gates and limits',
  scope: 'any',
  params: NoParams,
  result: Capabilities,
  examples: [
    {
      params: {},
      result: {
        protocol: { version: 1 },
        nodes: {
          enabled: true,
          locationEnabled: true,
          pushEnabled: true,
          allowedRoles: ['companion'],
          registered: true,
          role: 'companion',
          nodeId: 'companion-desktop'
        },
        featureGates: { 'ui.canvas': true }
      }
    }
  ],
  handler: (_params, { app, connection }) => app.system.capabilities(connection)
})

export const hello = defineMethod({
  name: 'system.hello',
  summary: 'Ask for extension events and learn who this connection is (extension)',
  extension: true,
  scope: 'any',
  params: HelloParams,
  result: Hello,
  handler({ events = [] }, ctx) {
    const { app, caller } = ctx
    const connection = peerOf(ctx, 'system.hello')
    connection.events.clear()
    for (const event of app.rpc.grantedEvents(events, caller)) connection.events.add(event)
    app.hooks.emit('connection.audience', { peer: connection, caller, closed: false })
    return {
      protocol: app.system.protocol,
      version: app.system.version,
      connectionId: connection.id,
      sessionId: connection.sessionId,
      build: app.system.build,
      principal: caller.id,
      scopes: [...caller.scopes],
      events: [...connection.events]
    }
  }
})

export const discover = defineMethod({
  name: 'rpc.discover',
  summary: 'The OpenRPC document of this gateway (extension)',
  extension: true,
  scope: 'any',
  params: NoParams,
  result: Type.Object({}, { additionalProperties: true, description: 'An OpenRPC document' }),
  handler: (_params, { app }) => app.documents.get('openrpc').value
})
