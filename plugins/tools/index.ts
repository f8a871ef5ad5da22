import * as methods from '../../rpc/methods/tools.ts'
import { type GatewayInstance, gatewayPlugin } from '../../types.ts'
import { canvasTool } from './canvas.ts'
import type { AnyTool } from './define.ts'
import { fileTools } from './files.ts'
import { memoryTools } from './memory.ts'
import { shellTool } from './shell.ts'
import { Toolbox } from './toolbox.ts'
import { webFetchTool } from './web-fetch.ts'

export type { RunOptions } from './toolbox.ts'

export type Tools = Toolbox

/** Owns `app.tools`: the built-in tools, and those that other plugins add before the start. */
export default gatewayPlugin(
  { name: 'tools', dependencies: ['config', 'db', 'audit', 'rpc', 'lanes', 'sessions', 'canvas'] },
  async (app) => {
    const tools = new Toolbox({ dataDir: app.config.dataDir, audit: app.audit, lanes: app.lanes })
    for (const tool of builtIn(app)) tools.add(tool)
    app.decorate('tools', tools)
    for (const method of Object.values(methods)) app.rpc.method(method)
  }
)

function builtIn({ config: { tools }, db, canvas }: GatewayInstance): AnyTool[] {
  return [
    // What is off is not listed either: no model is offered what it may not use.
    ...(tools.shell.enabled ? [shellTool()] : []),
    ...fileTools(),
    webFetchTool({ allowHosts: tools.web.allowHosts }),
    ...memoryTools({ memory: db.memory }),
    canvasTool({ canvas })
  ]
}
