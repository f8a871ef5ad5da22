import { Type } from '@sinclair/typebox'
import { peerOf } from '../../rpc/peer.ts'
import { NoParams } from '../../rpc/schemas/simple.ts'
import { defineMethod } from '../define.ts'
import {
  ForgetParams,
  Forgotten,
  Invoked,
  InvokeParams,
  LocationGot,
  LocationParams,
  LocationSet,
  Locations,
  Negotiated,
  NODE_EVENTS,
  NodeList,
  NodesParams,
  Pushed,
  PushParams,
  PushTokenParams,
  PushTokenSet,
  Registered,
  RegisterParams,
  ResultParams,
  StatusParams,
  StatusSet
} from './schema.ts'

const EXAMPLE_NODE = { id: 'companion-desktop', role: 'companion' }

const EXAMPLE_DETAILS = {
  name: 'notifications',
  description: 'Shows a notification',
  params: { type: 'object', required: ['title'], properties: { title: { type: 'string' } } }
}

export const register = defineMethod({
  name: 'node.register',
  summary: 'Register role and capabilities of a companion node for this connection',
  scope: 'node',
  errors: ['RequestCancelled'],
  params: RegisterParams,
  result: Registered,
  events: NODE_EVENTS,
  examples: [
    {
      params: {
        nodeId: 'companion-desktop',
        role: 'companion',
        protocolVersion: 1,
        capabilities: ['ui.canvas', 'notifications']
      },
      result: {
        registered: true,
        node: EXAMPLE_NODE,
        protocol: { serverVersion: 1, clientVersion: 1, negotiatedVersion: 1 },
        capabilities: { declared: ['ui.canvas', 'notifications'], enabled: ['ui.canvas', 'notifications'] }
      }
    },
    {
      params: { nodeId: 'companion-desktop', role: 'companion', protocolVersion: 1, capabilities: [EXAMPLE_DETAILS] },
      result: {
        registered: true,
        node: EXAMPLE_NODE,
        protocol: { serverVersion: 1, clientVersion: 1, negotiatedVersion: 1 },
        capabilities: { declared: ['notifications'], enabled: ['notifications'], details: [EXAMPLE_DETAILS] }
      }
    }
  ],
  async handler(params, ctx) {
    const connection = peerOf(ctx, 'node.register')
    const { app, caller, signal } = ctx
    return await app.nodes.register(params, {
      connection,
      caller,
      signal,
      // It belongs to no run and no conversation: the session of the connection stands in.
      invoke: (call) => ctx.emit('invoke', call, { sessionId: connection.sessionId })
    })
  }
})

export const capabilities = defineMethod({
  name: 'node.capabilities.get',
  summary: 'Show the negotiated terms of the node of this connection',
  scope: 'node',
  params: NoParams,
  result: Negotiated,
  handler: (_params, ctx) => ctx.app.nodes.negotiated(peerOf(ctx, 'node.capabilities.get'))
})

export const setLocation = defineMethod({
  name: 'node.location.set',
  summary: 'Report the location of the node of this connection',
  scope: 'node',
  params: LocationParams,
  result: LocationSet,
  examples: [
    {
      params: { latitude: 37.7749, longitude: -122.4194, accuracyMeters: 12.4, source: 'gps', capturedAt: 1763241200000 },
      result: {
        updated: true,
        node: EXAMPLE_NODE,
        location: {
          latitude: 37.7749,
          longitude: -122.4194,
          accuracyMeters: 12.4,
          source: 'gps',
          capturedAt: 1763241200000,
          receivedAt: 1763241200451
        }
      }
    }
  ],
  handler: async (params, ctx) => await ctx.app.nodes.setLocation(peerOf(ctx, 'node.location.set'), params)
})

export const getLocation = defineMethod({
  name: 'node.location.get',
  summary: 'Show the last known location of the node of this connection',
  scope: 'node',
  params: NoParams,
  result: LocationGot,
  handler: async (_params, ctx) => await ctx.app.nodes.getLocation(peerOf(ctx, 'node.location.get'))
})

export const setStatus = defineMethod({
  name: 'node.status.set',
  summary: 'Publish the status of the node of this connection; it replaces the one before',
  scope: 'node',
  params: StatusParams,
  result: StatusSet,
  examples: [
    {
      params: {
        platform: 'macos',
        appVersion: '0.3.1',
        deviceName: 'MacBook Pro',
        statusText: 'Idle',
        batteryPct: 64,
        powerSource: 'battery'
      },
      result: {
        updated: true,
        node: EXAMPLE_NODE,
        status: {
          platform: 'macos',
          appVersion: '0.3.1',
          deviceName: 'MacBook Pro',
          statusText: 'Idle',
          batteryPct: 64,
          powerSource: 'battery',
          updatedAt: 1763241200451
        }
      }
    }
  ],
  handler: async (params, ctx) => await ctx.app.nodes.setStatus(peerOf(ctx, 'node.status.set'), params)
})

export const setPushToken = defineMethod({
  name: 'node.push_token.set',
  summary: 'Register the push token of APNs or FCM of the node of this connection',
  scope: 'node',
  params: PushTokenParams,
  result: PushTokenSet,
  examples: [
    {
      params: { provider: 'fcm', token: 'fcm_abcdefghijklmnopqrstuvwxyz123456' },
      result: {
        updated: true,
        node: EXAMPLE_NODE,
        push: { provider: 'fcm', tokenPreview: 'fcm_...3456', readable: true, updatedAt: 1763241200451 }
      }
    }
  ],
  handler: async (params, ctx) => await ctx.app.nodes.setPushToken(peerOf(ctx, 'node.push_token.set'), params)
})

export const push = defineMethod({
  name: 'node.push',
  summary: 'Send a push notification to a node, connected or not (extension)',
  extension: true,
  scope: 'operate',
  params: PushParams,
  result: Pushed,
  examples: [
    {
      params: { nodeId: 'companion-phone', title: 'Tea is ready', body: 'Earl Grey' },
      result: { nodeId: 'companion-phone', provider: 'fcm', delivered: true, messageId: 'projects/example/messages/1' }
    }
  ],
  handler: async (params, { app, caller, signal }) => await app.nodes.push(params, { actor: caller.id, signal })
})

export const invoke = defineMethod({
  name: 'node.invoke',
  summary: 'Use a capability of a connected node, and wait for its answer (extension)',
  extension: true,
  scope: 'operate',
  errors: ['RequestCancelled'],
  params: InvokeParams,
  result: Invoked,
  examples: [
    {
      params: { nodeId: 'companion-desktop', capability: 'notifications', args: { title: 'Tea is ready' } },
      result: {
        nodeId: 'companion-desktop',
        capability: 'notifications',
        callId: '0b6f2a1c-5d0e-4c1f-9f43-6a3f5f0f2b11',
        ok: true,
        output: { shown: true }
      }
    }
  ],
  handler: async (params, { app, caller, signal }) => await app.nodes.invoke(params, { actor: caller.id, signal })
})

export const result = defineMethod({
  name: 'node.result',
  summary: 'Answer an invoke event, once (extension)',
  extension: true,
  scope: 'node',
  params: ResultParams,
  result: Type.Object({ accepted: Type.Literal(true) }),
  examples: [
    {
      params: { callId: '0b6f2a1c-5d0e-4c1f-9f43-6a3f5f0f2b11', ok: true, output: { shown: true } },
      result: { accepted: true }
    }
  ],
  handler(params, ctx) {
    ctx.app.nodes.answer(peerOf(ctx, 'node.result'), params)
    return { accepted: true as const }
  }
})

export const forget = defineMethod({
  name: 'node.forget',
  summary: 'Forget a node: its owner, location, status and push token; a connected one is disconnected (extension)',
  extension: true,
  scope: 'operate',
  params: ForgetParams,
  result: Forgotten,
  examples: [
    { params: { nodeId: 'companion-phone' }, result: { nodeId: 'companion-phone', forgotten: true, disconnected: false } }
  ],
  handler: async ({ nodeId }, { app, caller }) => await app.nodes.forget(nodeId, { actor: caller.id })
})

export const location = defineMethod({
  name: 'system.location',
  summary: 'List the last known locations of nodes, newest first',
  scope: 'operate',
  params: NoParams,
  result: Locations,
  handler: async (_params, { app }) => ({ locations: await app.nodes.locations() })
})

export const nodes = defineMethod({
  name: 'system.nodes',
  summary: 'List the registered nodes: identity, capabilities, location and status',
  scope: 'operate',
  params: NodesParams,
  result: NodeList,
  handler: async ({ includeOffline = false }, { app }) => ({ nodes: await app.nodes.list({ includeOffline }) })
})
