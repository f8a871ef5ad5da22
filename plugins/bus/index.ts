import { systemClock } from '../../lanes/clock.ts'
import { gatewayPlugin } from '../define.ts'
import { Bus } from './bus.ts'
import * as methods from './methods.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Event streams of runs and their followers. */
    bus: Bus
  }
}

export type { Audience, Bus, Stream } from './bus.ts'

/** Owns `app.bus`, and the methods that follow a session. */
export default gatewayPlugin({ name: 'bus', dependencies: ['db', 'rpc', 'connections'] }, async (app) => {
  const { db, log } = app
  const bus = new Bus({ db, log, clock: systemClock })
  app.decorate('bus', bus)
  for (const method of Object.values(methods)) app.rpc.method(method)
  app.addHook('onClose', async () => bus.close())
})
