import { gatewayPlugin } from '../define.ts'
import { list } from './methods.ts'
import { Panels } from './panels.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Pages that plugins add to the dashboard. */
    panels: Panels
  }
}

export type { Panel, Panels } from './panels.ts'

/** Owns `app.panels`. */
export default gatewayPlugin({ name: 'panels', dependencies: ['rpc'] }, async (app) => {
  app.decorate('panels', new Panels())
  app.rpc.method(list)
})
