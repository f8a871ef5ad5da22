import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { GatewayOptions } from './app.ts'
import { requireNode } from './server/node-version.ts'

export type * from './app.ts'

/**
 * The entry `flynn-gateway`: the gateway as a Fastify plugin. Imports nothing of the gateway until it is registered, so that an older Node.js
 * gets a sentence in place of a broken link or a crash.
 */
async function gateway(host: FastifyInstance, options: GatewayOptions): Promise<void> {
  requireNode()
  const { default: app } = await import('./app.ts')
  await host.register(app, options)
}

export default fp(gateway, { name: 'flynn-gateway', fastify: '5.x' })
