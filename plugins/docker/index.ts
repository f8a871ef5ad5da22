import { gatewayPlugin } from '../define.ts'
import { Dependencies } from './dependencies.ts'
import * as methods from './methods.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Services of the compose file. */
    dependencies: Dependencies
  }
}

export type { Dependencies } from './dependencies.ts'
export type { Dependency } from './dependency.ts'

/** Owns `app.dependencies` and the methods `system.docker*`. */
export default gatewayPlugin({ name: 'docker', dependencies: ['config', 'audit', 'programs', 'rpc'] }, async (app) => {
  const dependencies = new Dependencies({ app })
  app.decorate('dependencies', dependencies)
  for (const method of Object.values(methods)) app.rpc.method(method)
  // Before the server waits for its requests: one of them may be waiting for a container.
  app.addHook('preClose', () => dependencies.close())
})
