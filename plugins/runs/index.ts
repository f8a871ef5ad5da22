import { gatewayPlugin } from '../define.ts'
import * as methods from './methods.ts'
import { Runs } from './runs.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** History of runs. */
    runs: Runs
  }
}

export type { RunRecorder } from './recorder.ts'
export type { Runs } from './runs.ts'

/** Owns `app.runs` and the methods `runs.*`. */
export default gatewayPlugin({ name: 'runs', dependencies: ['config', 'db', 'rpc'] }, async (app) => {
  app.decorate('runs', new Runs({ store: app.db.runs, masker: () => app.configStore.masker }))
  for (const method of Object.values(methods)) app.rpc.method(method)
})
