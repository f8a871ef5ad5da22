import { gatewayPlugin } from '../define.ts'
import { Logins } from './logins.ts'
import * as methods from './methods.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Logins of browsers. */
    logins: Logins
  }
}

export type { Logins } from './logins.ts'

const PURGE_EVERY_MS = 60 * 60 * 1000

/** Owns `app.logins`, and the methods that end logins and connections. */
export default gatewayPlugin({ name: 'logins', dependencies: ['db', 'audit', 'auth', 'rpc', 'connections'] }, async (app) => {
  const logins = new Logins({
    store: app.db.plugin('logins'),
    log: app.log,
    audit: app.audit,
    onEnded: (which) => void app.connections.end(({ login }) => which(login), 'signed out')
  })
  await logins.open()
  app.decorate('logins', logins)
  app.auth.remember(logins)
  for (const method of Object.values(methods)) app.rpc.method(method)

  const purging = setInterval(() => logins.purge(), PURGE_EVERY_MS).unref()
  app.addHook('onClose', async () => {
    clearInterval(purging)
    await logins.flush()
  })
})
