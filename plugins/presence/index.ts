import { gatewayPlugin } from '../define.ts'
import * as methods from './methods.ts'
import { MAX_SENDERS, Presence } from './presence.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Online state of senders. */
    presence: Presence
  }
}

export type { PresenceList, Sender } from './presence.ts'
export { CLEARED_EVERY, MAX_SENDERS, Presence } from './presence.ts'

/** Owns `app.presence` and the method `system.presence`. */
export default gatewayPlugin({ name: 'presence', dependencies: ['config', 'db', 'rpc'] }, async (app) => {
  const offlineAfterMs = () => app.config.presence.offlineAfterSeconds * 1000
  const presence = new Presence({ store: app.db.presence, offlineAfterMs, log: app.log })
  app.decorate('presence', presence)
  for (const method of Object.values(methods)) app.rpc.method(method)

  await app.db.presence.keep(MAX_SENDERS)
  app.addHook('onClose', () => presence.flush())
})
