import { Registry } from '../../rpc/registry.ts'
import { type GatewayInstance, gatewayPlugin } from '../define.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Methods and extension events. */
    rpc: Registry<GatewayInstance>
  }
}

/** Owns `app.rpc`. Registered first: every other concern adds its methods to it. */
export default gatewayPlugin({ name: 'rpc' }, async (app) => {
  app.decorate('rpc', new Registry<GatewayInstance>())
})
