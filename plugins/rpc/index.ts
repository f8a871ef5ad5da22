import { Registry } from '../../rpc/registry.ts'
import { type AnyMethod, type Context, type GatewayInstance, gatewayPlugin } from '../define.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Methods and extension events. */
    rpc: Registry<GatewayInstance>
  }
}

declare module '../hooks/hooks.ts' {
  interface Operations {
    /** A call of a method over any transport, authorisation and validation included. `method` is undefined when the called name is unknown. */
    'rpc.call': Operation<{ readonly method: AnyMethod | undefined; readonly ctx: Context }, unknown>
  }
}

/** Owns `app.rpc`. Registered early: every other concern adds its methods to it. */
export default gatewayPlugin({ name: 'rpc', dependencies: ['hooks'] }, async (app) => {
  const { hooks } = app
  app.decorate('rpc', new Registry<GatewayInstance>((method, ctx, run) => hooks.run('rpc.call', { method, ctx }, run)))
})
