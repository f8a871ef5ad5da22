import type { NewAuditEntry } from '../../db/client.ts'
import { gatewayPlugin } from '../define.ts'
import { Audit } from './audit.ts'
import * as methods from './methods.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Append-only record of security-relevant actions. */
    audit: Audit
  }
}

declare module '../hooks/hooks.ts' {
  interface HookEvents {
    /** An entry was added to the audit log, its secrets masked. It may not be stored yet. */
    'audit.recorded': NewAuditEntry
  }
}

export { Audit } from './audit.ts'

/** Owns `app.audit`. */
export default gatewayPlugin({ name: 'audit', dependencies: ['hooks', 'rpc', 'config', 'db'] }, async (app) => {
  const recorded = (entry: NewAuditEntry): void => app.hooks.emit('audit.recorded', entry)
  const audit = new Audit({ store: app.db.audit, log: app.log, masker: () => app.configStore.masker, recorded })
  app.decorate('audit', audit)
  for (const method of Object.values(methods)) app.rpc.method(method)
  app.hooks.on('config.reload', ({ actor, ...outcome }) => {
    if ('refused' in outcome) audit.record('config.reload', actor, { success: false })
    else
      audit.record('config.reload', actor, { success: true, changed: outcome.changed, restartRequired: outcome.restartRequired })
  })
  app.addHook('onClose', () => audit.flush())
})
