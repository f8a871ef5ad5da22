import { gatewayPlugin } from '../../types.ts'
import * as methods from './methods.ts'

/** Owns the method `system.audit`. Apart from `audit`, which is written to before there are methods. */
export default gatewayPlugin({ name: 'trail', dependencies: ['audit', 'rpc'] }, async (app) => {
  for (const method of Object.values(methods)) app.rpc.method(method)
})
