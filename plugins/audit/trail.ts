import { gatewayPlugin } from '../../types.ts'
import * as methods from './methods.ts'

/** Registers `system.audit`. Apart from `audit`, because entries are recorded before `rpc` exists. */
export default gatewayPlugin({ name: 'trail', dependencies: ['audit', 'rpc'] }, async (app) => {
  for (const method of Object.values(methods)) app.rpc.method(method)
})
