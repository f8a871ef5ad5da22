import { gatewayPlugin } from '../define.ts'
import * as methods from './methods.ts'
import { MAX_SENDERS, Presence, type Sighting } from './presence.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Online state of senders. */
    presence: Presence
  }
}

declare module '../hooks/hooks.ts' {
  interface HookEvents {
    /** A sender has sent a message. */
    'presence.seen': Sighting
  }
}

export type { PresenceList, Sender } from './presence.ts'
export { CLEARED_EVERY, MAX_SENDERS, Presence } from './presence.ts'

/** Owns `app.presence` and the method `system.presence`. */
export default gatewayPlugin({ name: 'presence', dependencies: ['hooks', 'config', 'db', 'rpc'] }, async (app) => {
  const offlineAfterMs = () => app.config.presence.offlineAfterSeconds * 1000
  const onSeen = (sighting: Sighting): void => app.hooks.emit('presence.seen', sighting)
  const presence = new Presence({ store: app.db.presence, offlineAfterMs, log: app.log, onSeen })
  app.decorate('presence', presence)
  for (const method of Object.values(methods)) app.rpc.method(method)

  await app.db.presence.keep(MAX_SENDERS)
  app.addHook('onClose', () => presence.flush())
})
