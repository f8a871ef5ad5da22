import { gatewayPlugin } from '../define.ts'
import { Hooks } from './hooks.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Observation of the gateway's work: operations to wrap, events to hear. */
    hooks: Hooks
  }
}

export type { Around, HookEvents, Hooks, Listener, Operation, Operations } from './hooks.ts'

/** Owns `app.hooks`. Registered first, so that every concern can run its work through it. */
export default gatewayPlugin({ name: 'hooks' }, async (app) => {
  app.decorate('hooks', new Hooks(app.log))
})
