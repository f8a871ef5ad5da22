import { setImmediate } from 'node:timers/promises'
import { gatewayPlugin } from '../define.ts'
import { configure } from './configure.ts'
import * as methods from './methods.ts'
import { Sessions } from './sessions.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Conversations. */
    sessions: Sessions
  }
}

export type { Page, SessionList } from './sessions.ts'
export { Sessions } from './sessions.ts'

/** Owns `app.sessions` and the methods `sessions.*`. */
export default gatewayPlugin(
  { name: 'sessions', dependencies: ['hooks', 'db', 'audit', 'rpc', 'connections', 'bus', 'lanes'] },
  async (app) => {
    app.decorate('sessions', new Sessions(app))
    for (const method of Object.values(methods)) app.rpc.method(method)
    app.rpc.method(configure)
    // Its runs are counted before they are deleted.
    app.sessions.onRemove(async () => {
      while (await app.db.analytics.countRuns(Date.now())) await setImmediate()
    })
    app.sessions.onRemove(async (sessionId) => app.lanes.forget(sessionId))
  }
)
