import { gatewayPlugin } from '../define.ts'
import { Analytics } from './analytics.ts'
import * as methods from './methods.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Conversation statistics. */
    analytics: Analytics
  }
}

export { Analytics } from './analytics.ts'

/** Owns `app.analytics` and the method `system.sessionAnalytics`. */
export default gatewayPlugin({ name: 'analytics', dependencies: ['db', 'rpc'] }, async (app) => {
  app.decorate('analytics', new Analytics(app.db.analytics))
  for (const method of Object.values(methods)) app.rpc.method(method)
})
