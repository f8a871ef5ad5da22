import { gatewayPlugin } from '../define.ts'
import * as methods from './methods.ts'
import { Pairing } from './pairing.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Pairing codes and paired senders. */
    pairing: Pairing
  }
}

export type { Access } from './codes.ts'
export type { Policy, Redeem } from './pairing.ts'
export { BLOCKED_MS, MAX_CHANNEL_TRIES, MAX_SENDERS, MAX_TRIES, Pairing } from './pairing.ts'

/** Owns `app.pairing` and the methods `pairing.*`. */
export default gatewayPlugin({ name: 'pairing', dependencies: ['hooks', 'config', 'db', 'audit', 'rpc'] }, async (app) => {
  const { db, audit } = app
  // Read for each message: a reload may have changed the configuration.
  const config = {
    get default() {
      return app.config.pairing.default
    },
    get channels() {
      return app.config.pairing.channels
    },
    get allowlist() {
      return app.config.pairing.allowlist
    }
  }
  const pairing = new Pairing({ config, store: db.pairing, audit })
  app.decorate('pairing', pairing)
  app.hooks.on('pairing.request', (request) => pairing.requests.add(request))
  for (const method of Object.values(methods)) app.rpc.method(method)
})
