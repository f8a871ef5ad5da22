import { systemClock } from '../../lanes/clock.ts'
import { gatewayPlugin } from '../define.ts'
import { Confirmations } from './confirmations.ts'
import * as methods from './methods.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Tool calls that wait for a person. */
    confirmations: Confirmations
  }
}

export type { Confirmations } from './confirmations.ts'

/** Owns `app.confirmations`: tool use callbacks, and tool calls that wait for a person. */
export default gatewayPlugin(
  { name: 'confirmations', dependencies: ['hooks', 'audit', 'rpc', 'connections', 'bus'] },
  async (app) => {
    const { bus, audit, hooks } = app
    const confirmations = new Confirmations({ bus, audit, hooks, clock: systemClock })
    app.decorate('confirmations', confirmations)
    app.addHook('onClose', async () => confirmations.close())
    for (const method of Object.values(methods)) app.rpc.method(method)
  }
)
