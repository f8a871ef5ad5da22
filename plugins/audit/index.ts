import { gatewayPlugin } from '../define.ts'
import { Audit } from './audit.ts'
import * as methods from './methods.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Append-only record of security-relevant actions. */
    audit: Audit
  }
}

export { Audit } from './audit.ts'

/** Owns `app.audit`. */
export default gatewayPlugin({ name: 'audit', dependencies: ['hooks', 'rpc', 'config', 'db'] }, async (app) => {
  const audit = new Audit({ store: app.db.audit, log: app.log, masker: () => app.configStore.masker })
  app.decorate('audit', audit)
  for (const method of Object.values(methods)) app.rpc.method(method)
  app.hooks.on('config.reload', ({ actor, ...outcome }) => {
    if ('refused' in outcome) audit.record('config.reload', actor, { success: false })
    else
      audit.record('config.reload', actor, { success: true, changed: outcome.changed, restartRequired: outcome.restartRequired })
  })
  app.addHook('onClose', () => audit.flush())
})
