import { gatewayPlugin } from '../define.ts'
import { Backends } from './backends.ts'
import * as methods from './methods.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Local model servers under systemd. */
    backends: Backends
  }
}

export type { Backend, Backends } from './backends.ts'

/** Owns `app.backends` and the methods `system.localBackend*`. */
export default gatewayPlugin({ name: 'backends', dependencies: ['config', 'audit', 'programs', 'rpc'] }, async (app) => {
  const backends = new Backends({ app })
  app.decorate('backends', backends)
  for (const method of Object.values(methods)) app.rpc.method(method)
  // Before the server waits for its requests: one of them may be waiting for a unit.
  app.addHook('preClose', () => backends.close())
})
